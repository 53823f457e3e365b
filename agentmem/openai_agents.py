"""Sessions of the OpenAI Agents SDK, in journals.

>>> from agents import Runner
>>> from agentmem.openai_agents import AgentMemSession
>>> session = AgentMemSession("user-42", "memory.db", remember=True)
>>> result = Runner.run_sync(agent, "I moved to Ulm.", session=session)
>>> session.recall("where did the user move to?")[0].record.content
'I moved to Ulm.'
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

from agentmem import Hit, Journal, MemoryStore
from agentmem._adapters import (
    Adapter,
    StoreOrPath,
    clean,
    completed,
    excerpt,
    journal_name,
    require,
    scope_part,
)

if TYPE_CHECKING:
    from agents import FunctionTool
    from agents.memory import SessionSettings

require("agents", extra="openai-agents", package="openai-agents", at_least="0.24", below="1")


class AgentMemSession:
    """A `Session` of the Agents SDK: the exact items of a conversation, durable, for many processes.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. With
    `remember=True`, the texts of messages also become records, and `recall` finds them in all sessions of the
    `user`; without a user, in all sessions that have none. Reading and writing never block the event loop. A
    write that has begun ends before a cancelled caller goes on.
    """

    def __init__(
        self,
        session_id: str,
        store: StoreOrPath = None,
        *,
        session_settings: SessionSettings | dict[str, Any] | None = None,
        remember: bool = False,
        user: str | None = None,
    ) -> None:
        """Open the store. `session_id` and `user` are any text; each user has sessions of their own."""
        self.session_id = session_id
        self.session_settings = session_settings
        self._adapter = Adapter(store)
        self._remember = remember
        self._closed = False
        sessions = "sessions" if user is None else journal_name("user-sessions", user)
        self._name = f"{sessions}/{scope_part(session_id)}"
        self._recalled = f"/{sessions}"
        self._scope = f"/{self._name}"

    @property
    def session_settings(self) -> SessionSettings:
        """The settings. A dict is taken as settings; `None` gives the default ones."""
        return self._settings

    @session_settings.setter
    def session_settings(self, settings: SessionSettings | dict[str, Any] | None) -> None:
        from agents.memory.session_settings import SessionSettings, coerce_session_settings

        self._settings = SessionSettings() if settings is None else coerce_session_settings(settings)

    @property
    def store(self) -> MemoryStore:
        """The store. Raises RuntimeError after `close`."""
        if self._closed:
            raise RuntimeError("AgentMemSession is closed")
        return self._adapter.store

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the newest `limit` items, oldest first; without a limit that of the settings, else all."""
        limit = self.session_settings.limit if limit is None else limit
        return await asyncio.to_thread(self._read, limit)

    async def add_items(self, items: list[Any]) -> None:
        """Append items, all or none. Raises TypeError for what JSON cannot hold."""
        await completed(asyncio.to_thread(self._append, list(items)))

    async def pop_item(self) -> Any | None:
        """Remove and return the newest item. Two callers never get the same."""
        return await completed(asyncio.to_thread(self._pop))

    async def clear_session(self) -> None:
        """Delete the items and the remembered messages of this session."""
        await completed(asyncio.to_thread(self._clear))

    def close(self) -> None:
        """End the use of this session; close the store if the session opened it."""
        self._closed = True
        self._adapter.close()

    def recall(self, query: str, limit: int = 5) -> list[Hit]:
        """Return remembered messages of all sessions of the user that answer the query, best first."""
        return self.store.search(query, limit, scope=self._recalled, dialogue=True)

    def recall_tool(self, limit: int = 5) -> FunctionTool:
        """Return a tool with which an agent searches the remembered messages, as `recall` does."""
        from agents import function_tool

        async def recall(query: str) -> str:
            """Search what was said in this and in earlier conversations.

            Args:
                query: What to look for, as a question or in keywords.
            """
            hits = await asyncio.to_thread(self.recall, query, limit)
            lines = (f"{hit.record.metadata['role']}: {excerpt(hit)}" for hit in hits)
            return "\n".join(lines) or "Nothing was found."

        return function_tool(recall)

    def _journal(self) -> Journal:
        return self.store.journal(self._name)

    def _read(self, limit: int | None) -> list[Any]:
        last = None if limit is None or limit < 0 else limit
        return [entry.value["item"] for entry in self._journal().read(last=last, skip_damaged=True)]

    def _append(self, items: list[Any]) -> None:
        store = self.store
        values = [{"item": json.loads(json.dumps(item)), "record": self._record_id(item)} for item in items]
        if not values:
            return
        with store.batch() as batch:
            batch.journal(self._name).extend(values)
            for value in values:
                if value["record"] is not None:
                    role, text = _message(value["item"])
                    batch.add(text, id=value["record"], scope=self._scope, metadata={"role": role})

    def _record_id(self, item: Any) -> str | None:
        """The id of the record for this item, if it is to be remembered."""
        return str(uuid.uuid4()) if self._remember and _message(item)[1].strip() else None

    def _pop(self) -> Any | None:
        """The newest item that `get_items` returns. A damaged one stays, for whoever repairs the store."""
        while newest := self._journal().read(last=1, skip_damaged=True):
            entry = newest[0]
            with self.store.batch() as batch:
                deleted = batch.journal(self._name).delete(numbers=[entry.number])
                if entry.value["record"] is not None:
                    batch.delete(entry.value["record"])
            if deleted.value:  # else another caller was faster
                return entry.value["item"]
        return None

    def _clear(self) -> None:
        with self.store.batch() as batch:
            batch.journal(self._name).clear()
            batch.delete(scope=self._scope)


def _message(item: Any) -> tuple[str, str]:
    """The role and the text of an item; no text for tool calls and their outputs."""
    if not isinstance(item, dict) or item.get("role") not in ("user", "assistant"):
        return "", ""
    content = item.get("content")
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return item["role"], clean("\n".join(text for text in texts if isinstance(text, str)))
