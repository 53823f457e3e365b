"""Moments of dates in metadata, by which filters compare them.

Haystack compares two dates by the clock on the wall if one of them has no time zone, and by UTC otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from dateutil.parser import isoparse

_DATE = re.compile(r"\d{4}-\d\d-\d\d([Tt ].*)?")
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


class Moment(NamedTuple):
    """A moment in microseconds since 1970."""

    wall: int
    """By the clock on the wall."""
    utc: int | None
    """In UTC; None for a date without a time zone."""


def moment(value: Any) -> Moment | None:
    """The moment of an ISO 8601 text that has a whole date; None for anything else."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        parsed = isoparse(value)
    except (ValueError, OverflowError):
        return None
    wall = (parsed.replace(tzinfo=None) - _EPOCH) // _MICROSECOND
    offset = parsed.utcoffset()
    return Moment(wall, None if offset is None else wall - offset // _MICROSECOND)


def moments(meta: dict[str, Any], field: str = "meta") -> Iterator[tuple[str, dict[str, int]]]:
    """The dates in metadata: the name of each field, such as "meta.author.born", and its moment."""
    for key, value in meta.items():
        name = f"{field}.{key}"
        if "." in key:
            continue  # no filter can name this field
        if isinstance(value, dict):
            yield from moments(value, name)
        elif (found := moment(value)) is not None:
            yield name, {part: number for part, number in found._asdict().items() if number is not None}
