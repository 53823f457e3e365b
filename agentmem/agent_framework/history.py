"""The messages of sessions, in journals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from agent_framework import HistoryProvider, Message

from agentmem import Journal
from agentmem._adapters import Adapter, AsyncWithStore, StoreOrPath, completed, journal_name


class AgentMemHistoryProvider(AsyncWithStore, HistoryProvider):
    """A `HistoryProvider` that keeps the exact messages of each session, durably and for many processes.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Providers with
    different `source_id` share no messages. With `skip_excluded=True`, messages that a compaction has
    excluded are not loaded. The other options are those of `HistoryProvider`.
    """

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        source_id: str = "agentmem_history",
        load_messages: bool = True,
        store_inputs: bool = True,
        store_context_messages: bool = False,
        store_context_from: set[str] | None = None,
        store_outputs: bool = True,
        skip_excluded: bool = False,
    ) -> None:
        """Open the store."""
        super().__init__(
            source_id,
            load_messages=load_messages,
            store_inputs=store_inputs,
            store_context_messages=store_context_messages,
            store_context_from=store_context_from,
            store_outputs=store_outputs,
        )
        self.skip_excluded = skip_excluded
        self._adapter = Adapter(store)

    async def get_messages(
        self, session_id: str | None, *, state: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Message]:
        """Return the messages of a session, oldest first. Damaged ones are left out."""
        values = await asyncio.to_thread(self._read, session_id)
        messages = [Message.from_dict(value) for value in values]
        if self.skip_excluded:
            return [message for message in messages if not message.additional_properties.get("_excluded")]
        return messages

    async def save_messages(
        self,
        session_id: str | None,
        messages: Sequence[Message],
        *,
        state: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Append messages to a session, all or none.

        Messages that begin with all that is stored repeat the conversation: then only the rest is appended.
        `Message.to_dict` leaves out what JSON cannot hold.
        """
        values = [json.loads(json.dumps(message.to_dict())) for message in messages]
        if values:
            await completed(asyncio.to_thread(self._append, session_id, values))

    async def clear(self, session_id: str | None) -> None:
        """Delete the messages of a session."""
        await completed(asyncio.to_thread(lambda: self._journal(session_id).clear()))

    def _journal(self, session_id: str | None) -> Journal:
        session = () if session_id is None else (session_id,)
        return self.store.journal(journal_name("agent-framework", self.source_id, *session))

    def _read(self, session_id: str | None) -> list[dict[str, Any]]:
        return [entry.value for entry in self._journal(session_id).read(skip_damaged=True)]

    def _append(self, session_id: str | None, values: list[dict[str, Any]]) -> None:
        journal = self._journal(session_id)
        stored = journal.read(limit=len(values), skip_damaged=True)
        repeated = [entry.value for entry in stored]
        # One message alone may be said twice.
        if not (1 < len(repeated) < len(values) and values[: len(repeated)] == repeated):
            repeated = []
        journal.extend(values[len(repeated) :])
