"""The types that users see: records and hits, filters, reports."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on only

from agentmem._core import Hit, Record

__all__ = [
    "Embedder",
    "Filters",
    "FiltersInScope",
    "Hit",
    "Imported",
    "Mode",
    "Names",
    "NewRecord",
    "OnConflict",
    "Progress",
    "Record",
    "ScopeInfo",
    "Stats",
    "StorePath",
    "Vector",
    "VerifyReport",
    "Viewer",
    "When",
    "Where",
]

StorePath: TypeAlias = str | os.PathLike[str]

When: TypeAlias = datetime | str
"""An instant: a datetime, naive ones being UTC, or ISO 8601 text such as "2024-05-01T12:30Z"."""

Names: TypeAlias = str | Iterable[str]
"""Several names; a lone text is one."""

Where: TypeAlias = Mapping[str, Any]
"""A condition on the metadata, such as `{"topic": "billing", "year": {"$gte": 2024}}`.

Operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $contains`, and `$and $or $not` around conditions.
Everything that is named in one dict must hold. A missing value equals nothing.
"""

NewRecord: TypeAlias = str | dict[str, Any] | Record
"""What can be stored: text, the fields of a record in a dict, or a Record."""

Mode: TypeAlias = Literal["hybrid", "bm25", "tfidf", "vector"]

OnConflict: TypeAlias = Literal["fail", "replace", "skip"]

Vector: TypeAlias = Sequence[float]

Embedder: TypeAlias = Callable[[list[str]], Iterable[Vector]]
"""Turns texts into vectors, one each, all of one length. Lists and arrays of numpy both do."""

Progress: TypeAlias = Callable[[int, int], object]
"""Called now and then with done and total. What it raises stops the operation and goes through."""


class Viewer(TypedDict, total=False):
    """Who asks: decides which private records are seen."""

    source: str | None
    """Sees private records of this source too; public records are seen by all."""
    include_private: bool
    """Sees all private records."""


class FiltersInScope(Viewer, total=False):
    """The filters but for the scope."""

    categories: Names | None
    """Any of these labels."""
    where: Where | None
    """This condition on the metadata."""
    since: When | None
    """Created at or after."""
    until: When | None
    """Created before."""


class Filters(FiltersInScope, total=False):
    """Which records a read is about. All that are given must hold; None is as if left out."""

    scope: str | None
    """In this scope or below: "/a" holds "/a" and "/a/b", never "/ab"."""


for _filters in (Viewer, FiltersInScope, Filters):
    # Left to itself, pydantic drops unknown keys, and a misspelt filter would filter nothing.
    _filters.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]


@dataclass(frozen=True)
class ScopeInfo:
    """What is in a scope and below."""

    scope: str
    records: int
    categories: dict[str, int]
    """Labels with their counts, most frequent first."""
    oldest: datetime | None
    newest: datetime | None
    children: list[str]
    """Immediate child scopes, sorted."""

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)


@dataclass(frozen=True)
class Stats:
    """What a store is made of and takes."""

    path: str
    records: int
    """Live records, private ones too."""
    terms: int
    """Terms in them, repeats included."""
    schema_version: int
    disk_bytes: int
    """The database and its write-ahead log."""
    index_disk_bytes: int
    """Index files beside it."""
    memory_bytes: int
    """The index, and texts kept for searches, on the heap, about."""
    mapped_bytes: int
    """Index files that are mapped: shared by all processes, and given up when memory is short."""
    segments: int
    tail_records: int
    """Records that are in no index file yet."""
    connections: int
    idle_connections: int
    pool_size: int
    slow_searches: int
    """Of more than half a second; like all that follows, by this store since it was opened."""
    lock_waits: int
    """Writes that waited for the lock of another process for more than 10 ms."""
    lock_wait_seconds: float
    """How long all of these waited together."""
    catch_ups: int
    """Times that the index took in what was committed, here or in other processes."""
    caught_up: int
    """Records and deletions that it took in."""
    index_reloads: int
    """Times that the index was read from its files or made anew; 1 for the opening, if no other store of the
    process had it."""
    index_invalidated: int
    """Times that index files were damaged or not this store's, and the index was made from the records."""

    @property
    def index_disowned(self) -> int:
        """Deprecated name of `index_invalidated`, until 1.0."""
        return self.index_invalidated

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, and `index_disowned`, which is deprecated."""
        return {**asdict(self), "index_disowned": self.index_disowned}


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    written: int
    skipped: int
    """Records passed over, because the store held their ids already."""

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)


@dataclass(frozen=True)
class VerifyReport:
    """Whether a store is sound: true when it is."""

    ok: bool
    records: int
    """Records that were looked at."""
    problems: list[str]
    """What is not sound, and what to do about it."""

    def __bool__(self) -> bool:
        """Is all sound?"""
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)
