"""The pages of a list. Each begins at a position: a write between two pages hides and repeats nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from agentmem import Record
from agentmem.inspect.visit import Fields
from agentmem.types import Order

SIZE = 50
"""Records on a page."""

_MICROSECOND = timedelta(microseconds=1)
_AT_ONCE = 1000

Read = Callable[..., list[Record]]
"""`MemoryStore.list` with filters."""
Following = dict[str, Any] | None
"""The fields of the address of the next page; None if there is none."""


def page(read: Read, order: str, query: Fields) -> tuple[list[Record], Following]:
    """The records of a page, and where the next one begins."""
    start, skip = query.get("page"), query.get("skip")
    if order == "written":
        return _upwards(read, start)
    if order == "updated":
        return _downwards(read, start)
    return _by_date(read, order, start, int(skip) if skip.isdecimal() else 0)


def _upwards(read: Read, start: str) -> tuple[list[Record], Following]:
    """From the version behind `start`."""
    found = read(SIZE + 1, order="written", after=int(start) if start.isdecimal() else None)
    return _cut(found)


def _downwards(read: Read, start: str) -> tuple[list[Record], Following]:
    """From the version before `start`. Lists cannot begin there, so the records above are counted."""
    if not start.isdecimal():
        return _cut(read(SIZE + 1, order="updated"))
    above = _count_from(read, int(start))
    return _cut(
        [record for record in read(SIZE + 1, above, order="updated") if _version(record) < int(start)]
    )


def _count_from(read: Read, version: int) -> int:
    """How many records have this version or a higher one."""
    count, after = 0, max(version - 1, 0)
    while found := read(_AT_ONCE, order="written", after=after):
        count += len(found)
        after = _version(found[-1])
    return count


def _cut(found: list[Record]) -> tuple[list[Record], Following]:
    """A page in the order of versions, of one record more than fits."""
    records = found[:SIZE]
    return records, {"page": records[-1].version, "skip": None} if len(found) > SIZE else None


def _version(record: Record) -> int:
    return record.version or 0


def _by_date(read: Read, order: str, start: str, skipped: int) -> tuple[list[Record], Following]:
    """From the moment `start`, without the records of that moment that the pages before had."""
    bound = {"newest": "until", "oldest": "since"}.get(order)
    within = {bound: start} if bound and start else {}
    found = read(SIZE + 1, skipped, order=cast("Order", order), **within)
    records = found[:SIZE]
    if len(found) <= SIZE:
        return records, None
    last = records[-1].created_at
    begin = (last + (_MICROSECOND if order == "newest" else timedelta())).isoformat()
    same = sum(record.created_at == last for record in records)
    return records, {"page": begin, "skip": same + (skipped if begin == start else 0)}
