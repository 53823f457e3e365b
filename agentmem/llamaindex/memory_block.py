"""What left the short-term memory, found by search."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory.memory import BaseMemoryBlock
from pydantic import Field, PrivateAttr

from agentmem import Record
from agentmem._adapters import (
    Adapter,
    StoreOrPath,
    WithStore,
    clean,
    completed,
    key_id,
    memory_line,
    scope_part,
)

_ROLES = ("user", "assistant", "chatbot", "model")


class AgentMemMemoryBlock(WithStore, BaseMemoryBlock[str]):
    """A block of LlamaIndex's `Memory` that keeps old messages and recalls what answers the user's last one.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Memories stay in
    their session, unless `user_id` says whose they are: then all sessions of this user share them.
    """

    name: str = Field(default="memories", description="The name of the block in the prompt.")
    user_id: str | None = Field(default=None, description="Whose memories they are.")
    limit: int = Field(default=5, ge=1, description="How many memories are recalled at most.")

    _adapter: Adapter = PrivateAttr()

    def __init__(self, store: StoreOrPath = None, **fields: Any) -> None:
        """Open the store."""
        super().__init__(**fields)
        self._adapter = Adapter(store)

    @classmethod
    def class_name(cls) -> str:
        """The name by which LlamaIndex knows the class."""
        return "AgentMemMemoryBlock"

    async def _aget(
        self, messages: list[ChatMessage] | None = None, session_id: str | None = None, **block_kwargs: Any
    ) -> str:
        """The memories that answer the last message of the user, one a line, best first; or nothing."""
        asked = [text for message in messages or () if message.role == "user" and (text := _text(message))]
        if not asked:
            return ""
        scope = self._scope(session_id)
        hits = await asyncio.to_thread(self._adapter.recall, asked[-1], self.limit, scope)
        return "\n".join(map(memory_line, hits))

    async def _aput(self, messages: list[ChatMessage]) -> None:
        """Remember the texts of users and assistants, all or none; each once a session."""
        records = []
        for message in messages:
            session_id = message.additional_kwargs.pop("session_id", None)  # that `aput` put there
            if message.role in _ROLES and _text(message):
                records.append(self._record(message, session_id))
        await completed(asyncio.to_thread(self._adapter.remember, records))

    def _record(self, message: ChatMessage, session_id: str | None) -> Record:
        text, role = _text(message), message.role.value
        scope = self._scope(session_id)
        if self.user_id is not None and session_id is not None:
            scope += f"/{scope_part(session_id)}"
        return Record(text, id=key_id("llamaindex", scope, role, text), scope=scope, metadata={"role": role})

    def _scope(self, session_id: str | None) -> str:
        """Where the memories are that a session may see."""
        if self.user_id is not None:
            return f"/llamaindex/users/{scope_part(self.user_id)}"
        return (
            "/llamaindex/memories" if session_id is None else f"/llamaindex/sessions/{scope_part(session_id)}"
        )


def _text(message: ChatMessage) -> str:
    return clean(message.content or "").strip()
