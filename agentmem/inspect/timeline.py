"""When records were created: a histogram over time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agentmem import MemoryStore
from agentmem.types import Viewer

_MOST_BARS, _FEWEST_BARS = 40, 5
_PATIENCE = 0.2
"""Seconds that all bars may take. In a large store there are fewer of them."""
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_UNITS = [_SECOND, 60 * _SECOND, 3600 * _SECOND, _DAY, 7 * _DAY, 30 * _DAY, 365 * _DAY]


@dataclass(frozen=True)
class Bar:
    """A span of time with the number of records created in it."""

    since: datetime
    until: datetime | None
    """None for the last bar."""
    count: int


@dataclass(frozen=True)
class Span:
    """When the oldest and the newest record were created."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, store: MemoryStore, filters: dict[str, Any], viewer: Viewer) -> Span | None:
        """Of the records that pass the filters; None if there are none."""
        newest = store.list(1, **filters, **viewer)
        oldest = store.list(1, order="oldest", **filters, **viewer)
        return cls(oldest[0].created_at, newest[0].created_at) if newest and oldest else None


def timeline(store: MemoryStore, span: Span, filters: dict[str, Any], viewer: Viewer) -> list[Bar]:
    """The bars from the oldest to the newest record that pass the filters. It counts once for each bar."""
    start, end = span.start, span.end
    begun = time.perf_counter()
    _bar(store, filters, viewer, start + (end - start) / 2, end)
    cost = time.perf_counter() - begun
    bars = max(_FEWEST_BARS, min(_MOST_BARS, int(_PATIENCE / cost)))
    narrowest = max((end - start) / bars, _SECOND)
    unit = max(one for one in _UNITS if one <= narrowest)
    width = unit * -(-narrowest // unit)
    edges = [start + at * width for at in range((end - start) // width + 1)]
    return [_bar(store, filters, viewer, *pair) for pair in zip(edges, [*edges[1:], None], strict=True)]


def _bar(
    store: MemoryStore, filters: dict[str, Any], viewer: Viewer, since: datetime, until: datetime | None
) -> Bar:
    within = {**filters, "since": since, **({"until": until} if until else {})}
    return Bar(since, until, store.count(**within, **viewer))
