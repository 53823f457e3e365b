"""The public types: records and hits, filters, reports."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Protocol, TypeAlias, runtime_checkable

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on only

from agentmem._core import Entry, Hit, Journal, Record

__all__ = [
    "Change",
    "Changes",
    "Embedder",
    "Entry",
    "Explanation",
    "Filters",
    "FiltersBesideIds",
    "FiltersInScope",
    "Hit",
    "Imported",
    "Journal",
    "MigrationStatus",
    "Mode",
    "NamedEmbedder",
    "Names",
    "NewRecord",
    "NumberArray",
    "OnConflict",
    "Order",
    "Progress",
    "Record",
    "RecordFields",
    "ScopeInfo",
    "Stats",
    "StorePath",
    "Ttl",
    "Vector",
    "VerifyReport",
    "Viewer",
    "When",
    "Where",
]

StorePath: TypeAlias = str | os.PathLike[str]

When: TypeAlias = datetime | str
"""A moment: a datetime (without a time zone it is in UTC), or ISO 8601 text such as "2024-05-01T12:30Z"."""

Ttl: TypeAlias = float | timedelta
"""How long something lives from now on: a timedelta, or seconds; more than 0, and finite."""

Names: TypeAlias = str | Iterable[str]
"""Several names, or one."""

Where: TypeAlias = Mapping[str, Any]
"""A condition on the metadata, such as `{"topic": "billing", "year": {"$gte": 2024}}`.

Operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $contains`, and `$and $or $not` around conditions.
A key that starts with "/" is a JSON pointer (RFC 6901) into nested metadata. All entries of one dict must
hold. A missing value is equal to nothing, not even to null.
"""

NewRecord: TypeAlias = str | dict[str, Any] | Record
"""What can be stored: text, a dict of record fields, or a Record."""

Mode: TypeAlias = Literal["hybrid", "bm25", "tfidf", "vector"]

OnConflict: TypeAlias = Literal["fail", "replace", "skip"]

Order: TypeAlias = Literal["newest", "oldest", "written", "updated"]
"""By `created_at`, newest or oldest first; by `version`, lowest first ("written") or highest ("updated")."""


@runtime_checkable
class NumberArray(Protocol):
    """A one-dimensional array of numbers, such as one of numpy."""

    @property
    def ndim(self) -> int:
        """The number of dimensions, which must be 1."""

    def astype(self, dtype: Any, /) -> Any:
        """A copy with another type of numbers."""

    def tobytes(self) -> bytes:
        """The numbers as bytes."""


class _IsInstance:
    """Makes pydantic accept whatever has the methods of a protocol."""

    def __get_pydantic_core_schema__(self, source: Any, handler: object) -> dict[str, Any]:
        return {"type": "is-instance", "cls": source}


Vector: TypeAlias = Sequence[float] | Annotated[NumberArray, _IsInstance()]
"""Finite numbers, at least one. The store keeps them in single precision."""


class NamedEmbedder(Protocol):
    """An embedder with a name, by which a store knows whose vectors it holds."""

    @property
    def name(self) -> str:
        """The model and all that changes its vectors, such as "all-MiniLM-L6-v2 int8"."""

    @property
    def dimension(self) -> int:
        """The number of numbers in each vector."""

    def embed_documents(self, texts: list[str], /) -> Iterable[Vector | None]:
        """A vector for each text to be stored; None for a text that it cannot embed."""

    def embed_query(self, text: str, /) -> Vector | None:
        """The vector of a query; None for a text that it cannot embed."""


Embedder: TypeAlias = Callable[[list[str]], Iterable[Vector | None]] | NamedEmbedder
"""Makes vectors of texts: a function that returns one for each text, or an object with a name.

All vectors have the same length; one is a list or an array of numbers. None stands for a text that cannot be
embedded. Of a query with questions and other sentences, the questions alone are embedded.
"""

Progress: TypeAlias = Callable[[int, int], object]
"""Called from time to time with the work done and the total. An exception in it stops the operation."""


class Viewer(TypedDict, total=False):
    """Which private records the caller may see."""

    source: str | None
    """Include the private records of this source. Public records of all sources are always included."""
    include_private: bool
    """Include all private records."""


class _CommonFilters(Viewer, total=False):
    """The filters without the scope and the ids."""

    categories: Names | None
    """Only records with at least one of these categories."""
    where: Where | None
    """Only records whose metadata meets this condition."""
    since: When | None
    """Only records created at this moment or later."""
    until: When | None
    """Only records created before this moment."""


class FiltersInScope(_CommonFilters, total=False):
    """The filters without the scope."""

    ids: Names | None
    """Only records with one of these ids."""


class FiltersBesideIds(_CommonFilters, total=False):
    """The filters without the ids."""

    scope: str | None
    """Only records in this scope or below."""


class Filters(FiltersInScope, total=False):
    """Which records a read returns. All given filters must hold. None means no filter."""

    scope: str | None
    """Only records in this scope or below: "/a" matches "/a" and "/a/b", never "/ab"."""


class RecordFields(TypedDict, total=False):
    """The fields of a new record beside its content. None stands for the default."""

    id: str | None
    scope: str | None
    metadata: dict[str, Any] | None
    categories: Names | None
    importance: float | None
    source: str | None
    private: bool | None
    created_at: When | None
    expires_at: When | None
    embedding: Vector | None


for _names in (Viewer, FiltersInScope, FiltersBesideIds, Filters, RecordFields):
    # Left to itself, pydantic drops unknown keys, and a misspelt filter would filter nothing.
    _names.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[union-attr]


@dataclass(frozen=True)
class ScopeInfo:
    """The contents of a scope and of the scopes below."""

    scope: str
    records: int
    categories: dict[str, int]
    """Categories with their numbers of records, most frequent first."""
    oldest: datetime | None
    newest: datetime | None
    children: list[str]
    """Immediate child scopes, sorted."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Stats:
    """Sizes and counters of a store. The counters start at 0 when the store is opened."""

    path: str
    records: int
    """Records, private ones included."""
    terms: int
    """Terms in all records, repetitions included."""
    journals: int
    """Journals with at least one entry."""
    entries: int
    """Entries of all journals."""
    schema_version: int
    disk_bytes: int
    """Size of the database and its write-ahead log, in bytes."""
    index_disk_bytes: int
    """Size of the index files beside the database, in bytes."""
    memory_bytes: int
    """Memory of the index and of cached texts on the heap, in bytes, roughly."""
    mapped_bytes: int
    """Size of the mapped index files, in bytes. Processes share this memory, and the system can free it."""
    segments: int
    memtable_records: int
    """Records that are not yet in an index file."""
    connections: int
    idle_connections: int
    pool_size: int
    slow_searches: int
    """Searches that took more than half a second."""
    lock_waits: int
    """Writes that waited more than 10 ms for the lock of another process."""
    lock_wait_seconds: float
    """The sum of these waits, in seconds."""
    catch_ups: int
    """How often the index followed the change feed, for commits of this and of other processes."""
    caught_up: int
    """Records and deletions that the index took from the change feed."""
    index_reloads: int
    """How often the index was loaded from its files or built again. Opening counts as one, unless another
    store of the process has the same index."""
    index_invalidated: int
    """How often index files were damaged or belonged to another store, so that the index was built again."""

    @property
    def tail_records(self) -> int:
        """Deprecated name of `memtable_records`, until 1.0."""
        return self.memtable_records

    @property
    def index_disowned(self) -> int:
        """Deprecated name of `index_invalidated`, until 1.0."""
        return self.index_invalidated

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, and the deprecated `tail_records` and `index_disowned`."""
        old = {"tail_records": self.tail_records, "index_disowned": self.index_disowned}
        return {**asdict(self), **old}


@dataclass(frozen=True)
class Change:
    """A write or a deletion, by any process."""

    kind: Literal["write", "delete"]
    version: int
    """The version that was written, or the one that is gone. Replacing a record does both."""
    id: str | None
    """The record's id; None if the record is gone."""
    record: Record | None
    """The record; None if it is gone."""


@dataclass(frozen=True)
class Changes:
    """A page of the change feed."""

    items: list[Change]
    """The changes, in order."""
    cursor: str
    """Where the next page begins. It can be kept, and used by any process."""
    complete: bool
    """False if the store no longer knows all deletions since the cursor: then start anew, without one."""


@dataclass(frozen=True)
class Explanation:
    """Why a record is a hit of a search, or is none."""

    hit: bool
    """Whether the search returns the record."""
    reason: str
    """Why, in a sentence."""
    excluded_by: str | None
    """The filter or argument that leaves the record out: scope, categories, where, since, until, ids,
    min_score, limit or offset. None for a hit, and for a record that does not match."""
    words: dict[str, float]
    """The words of the record that the query asks for, with their weights, heaviest first."""
    rank_before: int | None
    """The place after the first stage, from 1. None if the record is not among the candidates."""
    rank: int | None
    """The place after the second stage, from 1, whatever limit and offset are. None if the record does not
    match, or is far beyond the limit."""
    score: float | None
    """The score of a record that has a rank."""
    passage: tuple[int, int] | None
    """The passage that decided, as `content[start:end]`: of the part of the text with most of the query, the
    shortest run of sentences that holds the same words of it. None without such words."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    written: int
    """Records, entries of journals and superseded versions that were written."""
    skipped: int
    """Those that were skipped, because the store has them or they have expired."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class MigrationStatus:
    """The schema version of a file, and the migrations that opening it would apply."""

    current: int
    """The version of the file; 0 if there is no file."""
    latest: int
    """The newest version that this agentmem knows."""
    pending: list[tuple[int, str]]
    """Number and name of each migration that is missing, in order."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class VerifyReport:
    """The result of a check. It is true if there is no problem."""

    ok: bool
    records: int
    """Records that were checked."""
    problems: list[str]
    """The problems, and what to do about each."""

    def __bool__(self) -> bool:
        """Whether there is no problem."""
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)
