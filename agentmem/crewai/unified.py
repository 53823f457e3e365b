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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentmem import DimensionMismatchError, DuplicateIdError, Hit, Record, RecordNotFoundError
from agentmem._adapters import StoreOrPath, clean, to_json
from agentmem._similarity import similarity

from ._storage import Storage, aware, log, logged, normalised, public_metadata
from .embedder import LocalEmbedder, cosine, text_of, words_of

if TYPE_CHECKING:
    from crewai.memory.types import MemoryRecord, ScopeInfo

# The highest score for relevance. From 0.85 on, CrewAI asks its LLM to consolidate memories. That is for
# memories with the same content, not for relevant ones.
_MOST_BY_RELEVANCE = 0.84
# The highest score of a private record by its text. From 0.98 on, CrewAI treats it as a repetition.
_MOST_OF_PRIVATE = 0.97
# How many of the most relevant records are checked for the exact text of the query.
_CHECKED_FOR_TEXT = 50


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
            filters["ids"] = [str(record_id) for record_id in record_ids if _is_id(str(record_id))]
        if older_than is not None:
            filters["until"] = aware(older_than)
        if categories:
            filters["categories"] = categories
        if metadata_filter:
            filters["where"] = _where(metadata_filter)
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
            "where": _where(metadata_filter) if metadata_filter else None,
        }
        found = self._search(query_embedding, limit, filters, include_private=True)
        if any(record.private for record, _ in found):
            seen = {record.id for record, _ in found}
            public = self._search(query_embedding, limit, filters, include_private=False)
            found += [(record, score) for record, score in public if record.id not in seen]
            found.sort(key=lambda pair: pair[1], reverse=True)
        return [(_memory(record), score) for record, score in found if score >= min_score]

    @logged
    def get_record(self, record_id: str) -> MemoryRecord | None:
        """Return the record with this id, or None."""
        own = self._own([str(record_id)])
        return _memory(own[0]) if own else None

    @logged
    def list_records(
        self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0
    ) -> list[MemoryRecord]:
        """Return records of a scope, newest first."""
        scope = self._within(scope_prefix)
        if scope is None or limit <= 0 or offset < 0:
            return []
        return [
            _memory(record) for record in self.store.list(limit, offset, scope=scope, include_private=True)
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
            oldest_record=_naive(info.oldest) if info.oldest else None,
            newest_record=_naive(info.newest) if info.newest else None,
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
        return [record for record in self._known(record_ids) if _contains(self.scope, record.scope)]

    def _known(self, record_ids: Sequence[str]) -> list[Record]:
        """The records with these ids in all scopes."""
        possible = [record_id for record_id in record_ids if _is_id(record_id)]
        return [record for record in self.store.get_many(possible, include_private=True) if record]

    def _within(self, scope: str | None) -> str | None:
        """The common part of `scope` and the scope of this storage, or None."""
        scope = "/" if scope is None else normalised(scope)
        if _contains(self.scope, scope):
            return scope
        return self.scope if _contains(scope, self.scope) else None

    def _search(
        self, vector: Sequence[float], limit: int, filters: dict[str, Any], *, include_private: bool
    ) -> list[tuple[Record, float]]:
        vector = list(map(float, vector))
        embedded = text_of(vector)
        text, like = "", _vector_likeness(vector)
        options: dict[str, Any] = {**filters, "include_private": include_private}
        if embedded is None:
            options.update(mode="vector", vector=vector)
        elif embedded.local:
            text, like = embedded.text, _text_likeness(vector)
        else:
            text = embedded.text
            options.update(vector=vector)
        with _crewai_errors():
            hits = self.store.search(clean(text), max(limit, _CHECKED_FOR_TEXT) if text else limit, **options)
        # Longer texts on the subject may be more relevant than the exact text, which must be returned.
        words = words_of(text)
        hits = hits[:limit] + [hit for hit in hits[limit:] if text and words_of(hit.record.content) == words]
        found = [(hit.record, _score(hit, like, by_text=embedded is not None)) for hit in hits]
        found.sort(key=lambda pair: pair[1], reverse=True)
        return found[:limit]

    def _record(self, memory: MemoryRecord) -> dict[str, Any]:
        """The fields of the record for `memory`."""
        scope = normalised(memory.scope)
        return {
            "id": str(memory.id),
            "content": clean(memory.content),
            "scope": scope if _contains(self.scope, scope) else normalised(f"{self.scope}/{scope}"),
            "categories": [clean(category) for category in memory.categories if category],
            "metadata": to_json(memory.metadata),
            "importance": memory.importance,
            "source": memory.source or None,
            "private": memory.private,
            "created_at": aware(memory.created_at),
            "last_accessed": aware(memory.last_accessed),
            "embedding": list(memory.embedding)
            if memory.embedding is not None and len(memory.embedding)
            else None,
        }

    def _refuse_ids_outside_scope(self, replaced: list[Record]) -> None:
        for record in replaced:
            if not _contains(self.scope, record.scope):
                message = f"a record outside {self.scope!r} has the id {record.id!r} already"
                raise DuplicateIdError(message, record.id)

    def _write(self, memories: list[MemoryRecord], write: Callable[[list[dict[str, Any]]], object]) -> None:
        """Call `write` with the records for `memories`.

        If the store has vectors of another embedder, those of `LocalEmbedder` are left out. They are not
        needed: its queries are answered by text.
        """
        records = [self._record(memory) for memory in memories]
        replaced = self._known([record["id"] for record in records])
        self._refuse_ids_outside_scope(replaced)
        with _crewai_errors():
            try:
                _refuse_other_dimensions(replaced, records)
                write(records)
            except DimensionMismatchError:
                if not all(_is_local(memory.embedding) for memory in memories):
                    raise
                write([{**record, "embedding": None} for record in records])


def _refuse_other_dimensions(replaced: list[Record], records: list[dict[str, Any]]) -> None:
    """Refuse to replace a vector with one of another dimension. The store allows that for its only vector."""
    old = {record.id: record.embedding for record in replaced}
    for record in records:
        expected, found = old.get(record["id"]), record["embedding"]
        if expected and found and len(expected) != len(found):
            message = (
                f"the vector has {len(found)} dimensions, but the one that it replaces has {len(expected)}"
            )
            raise DimensionMismatchError(message, len(expected), len(found))


@contextmanager
def _crewai_errors() -> Iterator[None]:
    """Raise CrewAI's own error for a vector with the wrong number of dimensions."""
    try:
        yield
    except DimensionMismatchError as error:
        try:
            from crewai.memory.storage.backend import EmbeddingDimensionMismatchError
        except ImportError:  # early versions with unified memory do not have it
            raise error from None
        raise EmbeddingDimensionMismatchError(error.expected, error.found) from error


def _memory(record: Record) -> MemoryRecord:
    from crewai.memory.types import MemoryRecord

    return MemoryRecord(
        id=record.id,
        content=record.content,
        scope=record.scope,
        categories=list(record.categories),
        metadata=public_metadata(record.metadata),
        importance=record.importance,
        created_at=_naive(record.created_at),
        last_accessed=_naive(record.last_accessed),
        embedding=None if record.embedding is None else list(record.embedding),
        source=record.source,
        private=record.private,
    )


def _score(hit: Hit, like: Callable[[Record], float], *, by_text: bool) -> float:
    score = like(hit.record)
    return max(score, _MOST_BY_RELEVANCE * similarity(hit)) if by_text else score


def _text_likeness(vector: Sequence[float]) -> Callable[[Record], float]:
    embedder = LocalEmbedder(len(vector))

    def like(record: Record) -> float:
        most = _MOST_OF_PRIVATE if record.private else 1.0
        return max(0.0, min(most, cosine(vector, embedder.vector(record.content))))

    return like


def _vector_likeness(vector: Sequence[float]) -> Callable[[Record], float]:
    def like(record: Record) -> float:
        if record.embedding is None:
            return 0.0
        return 1 / (3 - 2 * max(-1.0, min(1.0, cosine(vector, record.embedding))))

    return like


def _is_id(text: str) -> bool:
    """Whether a record can have this id."""
    return 0 < len(text.encode(errors="surrogatepass")) <= 1024 and text == clean(text)


def _is_local(vector: Sequence[float] | None) -> bool:
    if vector is None or not len(vector):
        return True
    embedded = text_of(vector)
    return embedded is not None and embedded.local


def _where(metadata_filter: dict[str, Any]) -> dict[str, Any]:
    """The condition that each key has its value. As in CrewAI's storage, a missing key has the value None."""
    tests: list[dict[str, Any]] = []
    for key, value in metadata_filter.items():
        equal = {key: {"$eq": to_json(value)}}
        tests.append(equal if value is not None else {"$or": [equal, {key: {"$exists": False}}]})
    return {"$and": tests}


def _contains(outer: str, inner: str) -> bool:
    return outer in ("/", inner) or inner.startswith(outer + "/")


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
