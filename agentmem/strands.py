"""A memory store for agents of Strands.

>>> from strands import Agent
>>> from strands.memory import MemoryManager
>>> from agentmem.strands import AgentMemMemoryStore
>>> store = AgentMemMemoryStore("memory.db", name="notes", extraction=True)
>>> manager = MemoryManager(stores=[store], add_tool_config=True)
>>> agent = Agent(model=model, memory_manager=manager)
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from agentmem import Hit, InvalidFilterError, Record, text_id
from agentmem._adapters import (
    Adapter,
    StoreOrPath,
    WithStore,
    clean,
    completed,
    require,
    scope_part,
    to_json,
)

if TYPE_CHECKING:
    from strands.memory import AddMessagesContext, ExtractionConfig, Metadata, SearchOptions
    from strands.types.content import Message

require("strands.memory", extra="strands", package="strands-agents", at_least="1.62", below="2")

from strands.memory import MemoryEntry, MemoryStore

_MOST_RESULTS = 10


class AgentMemMemoryStore(WithStore, MemoryStore):
    """A `MemoryStore` of Strands: memories that a `MemoryManager` searches, adds and extracts.

    Takes a path or an open `agentmem.MemoryStore`; `None` means the default path of `agentmem.open`. The
    memories are the records in `scope` or below; without one, in a scope for the name. A text is kept once in
    a scope.

    With `extraction=True`, the texts of messages become memories as they are, without a call of a model. With
    `extraction={"extractor": ...}`, the facts that the extractor returns become memories.
    """

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        name: str = "memory",
        description: str | None = None,
        max_search_results: int | None = None,
        writable: bool = True,
        extraction: ExtractionConfig | bool | None = None,
        scope: str | None = None,
    ) -> None:
        """Open the store. Raises ValueError for an empty name, a limit below 1 or a bad scope."""
        if not name.strip():
            raise ValueError("AgentMemMemoryStore: name must not be empty")
        self.name = name
        self.description = description
        self.max_search_results = None if max_search_results is None else _limit(max_search_results)
        self.writable = writable
        self.extraction = extraction
        self.scope = Record("", scope=scope or f"/strands/{scope_part(name)}").scope
        self._adapter = Adapter(store)

    async def search(self, query: str, options: SearchOptions | None = None) -> list[MemoryEntry]:
        """Return the memories that answer the query, best first, or none.

        Metadata has the record's id, its score and when it was created, beside what was added. Raises
        InvalidFilterError for a limit below 1.
        """
        given = (options or {}).get("max_search_results")
        limit = (self.max_search_results or _MOST_RESULTS) if given is None else _limit(given)
        hits = await asyncio.to_thread(self._adapter.recall, query, limit, self.scope)
        return [_entry(hit) for hit in hits]

    async def add(self, content: str, metadata: Metadata | None = None) -> str:
        """Add a memory unless it is there, and return its id. Raises ValueError for an empty text.

        This and `add_messages` raise ValueError if the store is not writable.
        """
        if not content.strip():
            raise ValueError("AgentMemMemoryStore: content must not be empty")
        return (await self._add([(content, metadata or {})]))[0]

    async def add_messages(
        self, messages: list[Message], context: AddMessagesContext | None = None
    ) -> list[str]:
        """Add the texts of messages, all or none, and return their ids. A retried batch adds nothing."""
        texts = [(_text(message), {"role": message["role"]}) for message in messages]
        return await self._add([(text, metadata) for text, metadata in texts if text])

    async def _add(self, memories: list[tuple[str, Metadata]]) -> list[str]:
        if not self.writable:
            raise ValueError(f"AgentMemMemoryStore: store is not writable: {self.name!r}")
        records = [self._record(clean(text), metadata) for text, metadata in memories]
        await completed(asyncio.to_thread(self._adapter.remember, records))
        return [record.id for record in records]

    def _record(self, content: str, metadata: Metadata) -> Record:
        id = text_id(content.strip(), self.scope)
        return Record(content, id=id, scope=self.scope, metadata=to_json(metadata))


def _text(message: Message) -> str:
    return "\n".join(text for block in message["content"] if (text := block.get("text", "").strip()))


def _entry(hit: Hit) -> MemoryEntry:
    record = hit.record
    own = {"id": record.id, "score": round(hit.score, 3), "created_at": record.created_at.isoformat()}
    return MemoryEntry(content=record.content, metadata={**record.metadata, **own})


def _limit(limit: Any) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidFilterError(f"max_search_results must be at least 1, not {limit!r}")
    return limit
