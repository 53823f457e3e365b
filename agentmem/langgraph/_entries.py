"""The entries of a journal with checkpoints: their keys and values.

A checkpoint stands under "c/<id>", and what a task has written since under "w/<id>/<task>". Ids of
checkpoints increase, so the newest is the last key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import ormsgpack

from agentmem import InvalidRecordError, Journal
from agentmem._adapters import retry_on_conflict, scope_part

CHECKPOINTS = "c/"

Typed = tuple[str, bytes]
"""What a serializer makes of a value."""


class Saved(NamedTuple):
    """A checkpoint."""

    thread: str
    namespace: str
    id: str
    parent: str | None
    checkpoint: Typed
    metadata: Typed

    def packed(self) -> bytes:
        """The value of its entry."""
        return _packb(tuple(self))


class Write(NamedTuple):
    """What a task has written to a channel."""

    task: str
    path: str
    place: int
    channel: str
    value: Typed


def checkpoint_key(id: str) -> str:
    """The key of a checkpoint."""
    return CHECKPOINTS + id_part(id)


def writes_prefix(id: str) -> str:
    """How the keys of what was written since a checkpoint begin."""
    return f"w/{id_part(id)}/"


def id_part(id: str) -> str:
    """The id of a checkpoint as the second part of a key."""
    return scope_part(id)


def keys_of(journal: Journal, parts: set[str]) -> list[str]:
    """The keys of checkpoints and of what was written since, by the second part of the keys."""
    return [entry for entry in journal.keys("") if entry.split("/")[1] in parts] if parts else []


def unpacked(value: bytes) -> Saved:
    """The checkpoint in a value."""
    return Saved(*ormsgpack.unpackb(value))


def packed_writes(writes: list[Write]) -> bytes:
    """What a task has written, as a value."""
    return _packb([tuple(write) for write in writes])


def unpacked_writes(value: bytes) -> list[Write]:
    """What a task has written."""
    return [Write(*write) for write in ormsgpack.unpackb(value)]


def _packb(value: Any) -> bytes:
    try:
        return bytes(ormsgpack.packb(value))
    except ormsgpack.MsgpackEncodeError as error:
        what = "threads, namespaces, tasks, channels and ids are text without lone surrogates"
        raise InvalidRecordError(f"{what}: {error}") from error


@retry_on_conflict
def merge_writes(journal: Journal, key: str, new: dict[int, Write]) -> None:
    """Add writes to what a task has written. Those at a place below 0 replace the old ones."""
    old = journal.get_many([key]).get(key)
    kept = {write.place: write for write in unpacked_writes(old.value)} if old else {}
    replacing = {place: write for place, write in new.items() if place < 0}
    writes = new | kept | replacing
    journal.put(key, packed_writes([*writes.values()]), if_number=old.number if old else 0)


def newest_first(journal: Journal, before: str | None, page: int) -> Iterator[Saved]:
    """The checkpoints of a journal before one of them, or all, newest first, read in pages."""
    after = None if before is None else checkpoint_key(before)
    while entries := journal.items(CHECKPOINTS, after=after, limit=page, reverse=True):
        yield from (unpacked(entry.value) for entry in entries)
        after = entries[-1].key
