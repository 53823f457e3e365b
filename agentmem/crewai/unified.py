"""The storage for crewai >= 1.10: CrewAI's whole `StorageBackend` protocol, and `touch_records` and `close`.

>>> from agentmem.crewai import LocalEmbedder, UnifiedStorage
>>> memory = Memory(storage=UnifiedStorage("crew.db"), embedder=LocalEmbedder())
>>> crew = Crew(agents=[analyst], tasks=[task], memory=memory)

Beyond the protocol: the scope `/a` matches `/a` and `/a/b`, never `/ab`. Filters apply inside the search,
before the limit. A delete needs a filter, and deletes records that pass all filters. An update is one
transaction. Writes of other processes are visible. Dates are returned without a time zone, in UTC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentmem import DimensionMismatchError, DuplicateIdError, Record, RecordNotFoundError
from agentmem._adapters import StoreOrPath, clean, contains

from ._dimensions import crewai_errors, refuse_other_dimensions
from ._finding import find
from ._memories import is_id, naive, to_fields, to_memory, where
from ._storage import Storage, aware, log, logged, normalised
from .embedder import is_local

if TYPE_CHECKING:
    from crewai.memory.types import MemoryRecord, ScopeInfo


class UnifiedStorage(Storage):
    """CrewAI's memory in an agentmem store.

    `scope` confines the storage. It never reads, changes or deletes a record outside, whatever scope or id a
    call names, and it moves records that are saved outside into its scope. Crews that share a file need a
    scope each, `/crew/<name>`: CrewAI's `reset_memories` clears a whole storage, and its recall can search
    all scopes.

    A query with a vector of `LocalEmbedder` is answered by text search. The score is the larger of two
    numbers: the similarity of the texts (1 for the same text, but at most 0.97 for a private record, which
    CrewAI would otherwise drop as a repetition), and 0.84 times that of the hit.  A query with a vector of an
    embedder in `with_text` is answered by text and vector together. Any other query is answered by exact
    vector search, with CrewAI's score 1 / (1 + d²), where d is the distance of the unit vectors.
    """

    def __init__(self, store: StoreOrPath = None, *, scope: str = "/") -> None:
        """Open the store."""
        super().__init__(store)
        self.scope = normalised(scope)

    # Writing

    @property
    def write_lock(self) -> AbstractContextManager[None]:
        """A lock that does nothing, for crewai 1.10: each write is a transaction already."""
        return nullcontext()

    @logged
    def save(self, records: list[MemoryRecord]) -> None:
        """Store all records or none. A record replaces the one with the same id.

        Raises DuplicateIdError if a record outside the storage's scope has the id.
        """
        kept = [record for record in records if clean(record.content).strip()]
        if len(kept) < len(records):
            log.warning("UnifiedStorage.save: %d empty memories were left out", len(records) - len(kept))
        if kept:
            self._write(kept, self.store.put_many)

    @logged
    def update(self, record: MemoryRecord) -> None:
        """Replace the record with this id, or add it.

        If `source` or `private` was never set on `record`, the stored value stays: CrewAI does not copy them
        when it consolidates, and a private memory must not become public.
        """
        unset = {"source", "private"} - record.model_fields_set

        def replace(records: list[dict[str, Any]]) -> None:
            changes = {name: value for name, value in records[0].items() if name not in unset | {"id"}}
            try:
                self.store.update(str(record.id), **changes)
            except RecordNotFoundError:
                self.store.put_many(records)

        self._write([record], replace)

    @logged
    def touch_records(self, record_ids: list[str]) -> None:
        """Set the time of last access of these records to now."""
        self.store.touch([record.id for record in self._own(record_ids)])

    @logged
    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Delete the records that pass all given filters. No filter is an error; no ids match no record."""
        filters: dict[str, Any] = {}
        if record_ids is not None:
            filters["ids"] = [str(record_id) for record_id in record_ids if is_id(str(record_id))]
        if older_than is not None:
            filters["until"] = aware(older_than)
        if categories:
            filters["categories"] = categories
        if metadata_filter:
            filters["where"] = where(metadata_filter)
        if scope_prefix is not None or (filters and self.scope != "/"):
            scope = self._within(scope_prefix)
            if scope is None:
                return 0
            filters["scope"] = scope
        return self.store.delete(include_private=True, **filters)

    @logged
    def reset(self, scope_prefix: str | None = None) -> None:
        """Delete all records in the scope, or in the whole scope of this storage."""
        scope = self._within(scope_prefix)
        if scope is not None:
            self.store.reset(None if scope == "/" else scope)

    # Reading

    @logged
    def search(
        self,
        query_embedding: Sequence[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """Return the memories that are most similar to the query, best first.

        CrewAI removes private records of other sources after the search. Therefore the best `limit` of all
        records and the best `limit` of the public records are returned.
        """
        scope = self._within(scope_prefix)
        if scope is None or limit <= 0:
            return []
        filters = {
            "scope": scope,
            "categories": categories or (),
            "where": where(metadata_filter) if metadata_filter else None,
        }
        found = find(self.store, query_embedding, limit, {**filters, "include_private": True})
        if any(record.private for record, _ in found):
            seen = {record.id for record, _ in found}
            public = find(self.store, query_embedding, limit, filters)
            found += [(record, score) for record, score in public if record.id not in seen]
            found.sort(key=lambda pair: pair[1], reverse=True)
        return [(to_memory(record), score) for record, score in found if score >= min_score]

    @logged
    def get_record(self, record_id: str) -> MemoryRecord | None:
        """Return the record with this id, or None."""
        own = self._own([str(record_id)])
        return to_memory(own[0]) if own else None

    @logged
    def list_records(
        self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0
    ) -> list[MemoryRecord]:
        """Return records of a scope, newest first."""
        scope = self._within(scope_prefix)
        if scope is None or limit <= 0 or offset < 0:
            return []
        return [
            to_memory(record) for record in self.store.list(limit, offset, scope=scope, include_private=True)
        ]

    @logged
    def get_scope_info(self, scope: str) -> ScopeInfo:
        """Return the contents of a scope and the scopes below."""
        from crewai.memory.types import ScopeInfo

        path = normalised(scope)
        within = self._within(path)
        if within is None:
            return ScopeInfo(path=path)
        info = self.store.scope_info(within, include_private=True)
        return ScopeInfo(
            path=path,
            record_count=info.records,
            categories=sorted(info.categories),
            oldest_record=naive(info.oldest) if info.oldest else None,
            newest_record=naive(info.newest) if info.newest else None,
            child_scopes=self.list_scopes(path),
        )

    @logged
    def list_scopes(self, parent: str = "/") -> list[str]:
        """Return the child scopes of `parent` that have records."""
        parent = normalised(parent)
        within = self._within(parent)
        if within is None:
            return []
        if within == parent:
            return list(self.store.scopes(parent, include_private=True))
        # The scope of the storage is below `parent`, so at most one child is visible.
        base = parent.rstrip("/")
        child = f"{base}/{self.scope[len(base) + 1 :].split('/', 1)[0]}"
        return [child] if self.store.count(scope=self.scope, include_private=True) else []

    @logged
    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """Return the number of records of each category."""
        scope = self._within(scope_prefix)
        return {} if scope is None else dict(self.store.categories(scope, include_private=True))

    @logged
    def count(self, scope_prefix: str | None = None) -> int:
        """Return the number of records in a scope and below."""
        scope = self._within(scope_prefix)
        return 0 if scope is None else self.store.count(scope=scope, include_private=True)

    # Asynchronous methods

    async def asave(self, records: list[MemoryRecord]) -> None:
        """`save`, without blocking the event loop."""
        await asyncio.to_thread(self.save, records)

    async def asearch(
        self,
        query_embedding: Sequence[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """`search`, without blocking the event loop."""
        return await asyncio.to_thread(
            self.search, query_embedding, scope_prefix, categories, metadata_filter, limit, min_score
        )

    async def adelete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """`delete`, without blocking the event loop."""
        return await asyncio.to_thread(
            self.delete, scope_prefix, categories, record_ids, older_than, metadata_filter
        )

    # Internal

    def _own(self, record_ids: Sequence[str]) -> list[Record]:
        """The records with these ids in the scope of this storage."""
        return [record for record in self._known(record_ids) if contains(self.scope, record.scope)]

    def _known(self, record_ids: Sequence[str]) -> list[Record]:
        """The records with these ids in all scopes."""
        possible = [record_id for record_id in record_ids if is_id(record_id)]
        return [record for record in self.store.get_many(possible, include_private=True) if record]

    def _within(self, scope: str | None) -> str | None:
        """The common part of `scope` and the scope of this storage, or None."""
        scope = "/" if scope is None else normalised(scope)
        if contains(self.scope, scope):
            return scope
        return self.scope if contains(scope, self.scope) else None

    def _refuse_ids_outside_scope(self, replaced: list[Record]) -> None:
        for record in replaced:
            if not contains(self.scope, record.scope):
                message = f"a record outside {self.scope!r} has the id {record.id!r} already"
                raise DuplicateIdError(message, record.id)

    def _write(self, memories: list[MemoryRecord], write: Callable[[list[dict[str, Any]]], object]) -> None:
        """Call `write` with the records for `memories`.

        If the store has vectors of another embedder, those of `LocalEmbedder` are left out. They are not
        needed: its queries are answered by text.
        """
        records = [to_fields(memory, self.scope) for memory in memories]
        replaced = self._known([record["id"] for record in records])
        self._refuse_ids_outside_scope(replaced)
        with crewai_errors():
            try:
                refuse_other_dimensions(replaced, records)
                write(records)
            except DimensionMismatchError:
                if not all(is_local(memory.embedding) for memory in memories):
                    raise
                write([{**record, "embedding": None} for record in records])
