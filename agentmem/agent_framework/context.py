"""What was said before, found by search and put before the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from agent_framework import ContextProvider, Message

from agentmem import InvalidFilterError, Record
from agentmem._adapters import (
    Adapter,
    AsyncWithStore,
    StoreOrPath,
    clean,
    completed,
    distinct,
    key_id,
    memory_line,
    scope_part,
)

if TYPE_CHECKING:
    from agent_framework import AgentSession, SessionContext

_PROMPT = "## Memories\nThese were said in earlier conversations. Use what helps to answer:"
_ROLES = ("user", "assistant")


class AgentMemContextProvider(AsyncWithStore, ContextProvider):
    """A `ContextProvider` that remembers what users and agents say, and recalls what answers a message.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. `user_id` says
    whose memories they are: all sessions of this user share them, and no others. It is a text, or a function
    that returns it for a session, for an agent that serves many users. Without a user, memories stay in their
    session. At most `limit` memories are recalled, below the text `context_prompt`.
    """

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        source_id: str = "agentmem",
        user_id: str | Callable[[AgentSession], str | None] | None = None,
        limit: int = 5,
        context_prompt: str = _PROMPT,
    ) -> None:
        """Open the store. Raises InvalidFilterError for a limit below 1."""
        if limit < 1:
            raise InvalidFilterError(f"limit must be at least 1, not {limit}")
        super().__init__(source_id)
        self.user_id = user_id
        self.limit = limit
        self.context_prompt = context_prompt
        self._adapter = Adapter(store)

    async def before_run(
        self, *, agent: Any, session: AgentSession, context: SessionContext, state: dict[str, Any]
    ) -> None:
        """Add a message with the memories that answer the input, if there are any."""
        query = "\n".join(text for _, text in _said(context.input_messages))
        hits = await asyncio.to_thread(self._adapter.recall, query, self.limit, self._scope(session))
        if hits:
            text = "\n".join([self.context_prompt, *map(memory_line, hits)])
            known = (hit.record.metadata.get("session_id") for hit in hits)
            others = [id for id in known if id is not None and id != distinct(session.session_id)]
            message = Message(role="user", contents=[text])
            context.extend_messages(self, [message], origin_session_ids=others)

    async def after_run(
        self, *, agent: Any, session: AgentSession, context: SessionContext, state: dict[str, Any]
    ) -> None:
        """Remember the texts of the input and of the response, all or none; each once a session."""
        response = context.response.messages if context.response else []
        scope = f"{self._scope(session)}/{scope_part(session.session_id)}"
        records = [
            Record(
                clean(text),
                id=key_id("agent-framework", scope, role, text),
                scope=scope,
                metadata={"role": role, "session_id": distinct(session.session_id)},
            )
            for role, text in _said([*context.input_messages, *response])
        ]
        await completed(asyncio.to_thread(self._adapter.remember, records))

    def _scope(self, session: AgentSession) -> str:
        """Where the memories are that this session may see."""
        user = self.user_id(session) if callable(self.user_id) else self.user_id
        kind, name = ("sessions", session.session_id) if user is None else ("users", user)
        return f"/agent-framework/{kind}/{scope_part(name)}"


def _said(messages: Iterable[Message]) -> list[tuple[str, str]]:
    """The roles and texts of what users and agents say; not of tools and instructions."""
    return [(str(m.role), m.text) for m in messages if m.role in _ROLES and m.text.strip()]
