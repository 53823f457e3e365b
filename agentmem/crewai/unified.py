"""The storage for crewai >= 1.10: CrewAI's whole `StorageBackend` protocol, and `touch_records` and `close`.

>>> from agentmem.crewai import LocalEmbedder, UnifiedStorage
>>> memory = Memory(storage=UnifiedStorage("crew.db"), embedder=LocalEmbedder())
>>> crew = Crew(agents=[analyst], tasks=[task], memory=memory)

What it promises beyond the protocol: `/a` holds `/a` and `/a/b`, never `/ab`; filters are applied inside the
search, before the limit; a delete deletes what all its filters name, and with none is refused; an update is
one transaction; what other processes wrote is seen; dates come back naive, in UTC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentmem import DimensionMismatchError, DuplicateIdError, Hit, Record, RecordNotFoundError

from ._storage import Storage, StoreOrPath, aware, clean, log, logged, normalised, shown, to_json
from .embedder import LocalEmbedder, cosine, said, text_of

if TYPE_CHECKING:
    from crewai.memory.types import MemoryRecord, ScopeInfo

# The most that relevance alone may score. CrewAI asks its LLM to consolidate from 0.85 on, which is meant for
# memories that say the same, not for those that answer well.
_MOST_BY_RELEVANCE = 0.84
# The most that a private record scores by its text. From 0.98 on it would pass for a repetition.
_MOST_OF_PRIVATE = 0.97
# So many of the most relevant records are looked through for the very text that is searched for.
_LOOKED_AT = 50


class UnifiedStorage(Storage):
    """CrewAI's memory in an agentmem store.

    `scope` confines the storage: whatever scope or id it is asked for, it reads, changes and removes nothing
    outside, and what is saved outside is put inside. Give each crew of a shared file its own, `/crew/<name>`,
    since CrewAI's `reset_memories` clears a whole storage and its recall may search all scopes.

    A query that `LocalEmbedder` embedded is answered by text search: its score is the greater of how alike
    the texts are (1 for the same text, 0.97 for a private one: CrewAI would take what another source says for
    a repetition, and drop it) and 0.84 of the relevance. One embedded by an embedder in `with_text`
    is answered by text and vector together. Any other is answered by exact vector search, with CrewAI's own
    score 1 / (1 + d²), d being the distance of the vectors at unit length.
    """

    def __init__(self, store: StoreOrPath = None, *, scope: str = "/") -> None:
        """Open the store."""
        super().__init__(store)
        self.scope = normalised(scope)

    # Writing

    @property
    def write_lock(self) -> AbstractContextManager[None]:
        """Nothing to hold: each write is a transaction. crewai 1.10 enters this around several of them."""
        return nullcontext()

    @logged
    def save(self, records: list[MemoryRecord]) -> None:
        """Keep all records or none; one whose id is known replaces the old one.

        Raises DuplicateIdError where the id is that of a record outside the storage's scope.
        """
        kept = [record for record in records if clean(record.content).strip()]
        if len(kept) < len(records):
            log.warning("UnifiedStorage.save: %d empty memories left out", len(records) - len(kept))
        if kept:
            self._write(kept, self.store.put_many)

    @logged
    def update(self, record: MemoryRecord) -> None:
        """Replace the record of this id, or add it.

        A source or privacy that was never set on `record` stays as it is: CrewAI forgets to copy them when it
        consolidates, and private memories must not become public by that.
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
        """Note that these were recalled now."""
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
        """Delete what every given filter names. An empty list of ids names nothing; no filter is an error."""
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
        """Delete everything in the scope; with none, everything that this storage may touch."""
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
        """Memories near to the query, best first.

        CrewAI removes private records of others after the search. So that they cannot crowd out what may be
        seen, the best `limit` of all and the best `limit` of the public ones are returned.
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
        """The record of this id, if there is one."""
        own = self._own([str(record_id)])
        return _memory(own[0]) if own else None

    @logged
    def list_records(
        self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0
    ) -> list[MemoryRecord]:
        """Records of a scope, newest first."""
        scope = self._within(scope_prefix)
        if scope is None or limit <= 0 or offset < 0:
            return []
        return [
            _memory(record) for record in self.store.list(limit, offset, scope=scope, include_private=True)
        ]

    @logged
    def get_scope_info(self, scope: str) -> ScopeInfo:
        """What a scope holds, at it and below."""
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
        """The scopes immediately below `parent` that hold something."""
        parent = normalised(parent)
        within = self._within(parent)
        if within is None:
            return []
        if within == parent:
            return list(self.store.scopes(parent, include_private=True))
        # The storage is confined below `parent`: one way leads down, if there is anything.
        base = parent.rstrip("/")
        child = f"{base}/{self.scope[len(base) + 1 :].split('/', 1)[0]}"
        return [child] if self.store.count(scope=self.scope, include_private=True) else []

    @logged
    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """How many records carry each category."""
        scope = self._within(scope_prefix)
        return {} if scope is None else dict(self.store.categories(scope, include_private=True))

    @logged
    def count(self, scope_prefix: str | None = None) -> int:
        """How many records a scope holds, at it and below."""
        scope = self._within(scope_prefix)
        return 0 if scope is None else self.store.count(scope=scope, include_private=True)

    # The same, without blocking the event loop

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

    # Inside

    def _own(self, record_ids: Sequence[str]) -> list[Record]:
        """Those of the records of these ids that this storage may touch."""
        return [record for record in self._known(record_ids) if _contains(self.scope, record.scope)]

    def _known(self, record_ids: Sequence[str]) -> list[Record]:
        """The records of these ids, wherever they are."""
        possible = [record_id for record_id in record_ids if _is_id(record_id)]
        return [record for record in self.store.get_many(possible, include_private=True) if record]

    def _within(self, scope: str | None) -> str | None:
        """The part of `scope` that this storage may touch; `None` if there is none."""
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
            hits = self.store.search(clean(text), max(limit, _LOOKED_AT) if text else limit, **options)
        # Texts that say more of the same may be more relevant than the text itself, which must be seen.
        words = said(text)
        hits = hits[:limit] + [hit for hit in hits[limit:] if text and said(hit.record.content) == words]
        found = [(hit.record, _score(hit, like, by_text=embedded is not None)) for hit in hits]
        found.sort(key=lambda pair: pair[1], reverse=True)
        return found[:limit]

    def _record(self, memory: MemoryRecord) -> dict[str, Any]:
        """The fields of the record that keeps `memory`."""
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

    def _refuse_ids_of_others(self, replaced: list[Record]) -> None:
        for record in replaced:
            if not _contains(self.scope, record.scope):
                message = f"a record outside {self.scope!r} has the id {record.id!r} already"
                raise DuplicateIdError(message, record.id)

    def _write(self, memories: list[MemoryRecord], write: Callable[[list[dict[str, Any]]], object]) -> None:
        """`write` the records that keep `memories`.

        Where the store holds another embedder's vectors, those of `LocalEmbedder` are left out: its queries
        are answered by text.
        """
        records = [self._record(memory) for memory in memories]
        replaced = self._known([record["id"] for record in records])
        self._refuse_ids_of_others(replaced)
        with _crewai_errors():
            try:
                _refuse_other_dimensions(replaced, records)
                write(records)
            except DimensionMismatchError:
                if not all(_is_local(memory.embedding) for memory in memories):
                    raise
                write([{**record, "embedding": None} for record in records])


def _refuse_other_dimensions(replaced: list[Record], records: list[dict[str, Any]]) -> None:
    """Refuse to replace a vector by one of another dimension, which a store allows if it is the only one."""
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
    """Raise CrewAI's own error for a wrong dimension."""
    try:
        yield
    except DimensionMismatchError as error:
        try:
            from crewai.memory.storage.backend import EmbeddingDimensionMismatchError
        except ImportError:  # an early crewai with unified memory has none
            raise error from None
        raise EmbeddingDimensionMismatchError(error.expected, error.found) from error


def _memory(record: Record) -> MemoryRecord:
    from crewai.memory.types import MemoryRecord

    return MemoryRecord(
        id=record.id,
        content=record.content,
        scope=record.scope,
        categories=list(record.categories),
        metadata=shown(record.metadata),
        importance=record.importance,
        created_at=_naive(record.created_at),
        last_accessed=_naive(record.last_accessed),
        embedding=None if record.embedding is None else list(record.embedding),
        source=record.source,
        private=record.private,
    )


def _score(hit: Hit, like: Callable[[Record], float], *, by_text: bool) -> float:
    score = like(hit.record)
    return max(score, _MOST_BY_RELEVANCE * hit.score) if by_text else score


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
    """Can a record have this id?"""
    return 0 < len(text.encode(errors="surrogatepass")) <= 1024 and text == clean(text)


def _is_local(vector: Sequence[float] | None) -> bool:
    if vector is None or not len(vector):
        return True
    embedded = text_of(vector)
    return embedded is not None and embedded.local


def _where(metadata_filter: dict[str, Any]) -> dict[str, Any]:
    """Every key has this value; `None` is also the value of a missing key, as in CrewAI's storage."""
    tests: list[dict[str, Any]] = []
    for key, value in metadata_filter.items():
        equal = {key: {"$eq": to_json(value)}}
        tests.append(equal if value is not None else {"$or": [equal, {key: {"$exists": False}}]})
    return {"$and": tests}


def _contains(outer: str, inner: str) -> bool:
    return outer in ("/", inner) or inner.startswith(outer + "/")


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
