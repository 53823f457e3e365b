"""The scopes around one, as a tree that says how many records each has, and when the last was written."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from agentmem import InvalidFilterError, MemoryStore
from agentmem.types import Viewer

MOST_CHILDREN = 20
"""How many children of a scope are shown."""
_PATIENCE = 0.15
"""Seconds that may be spent on counts and dates."""


@dataclass(frozen=True)
class Branch:
    """A scope with what is in it and below. Only the branch that is chosen has children."""

    scope: str
    name: str
    records: int | None
    """None if counting would have taken too long."""
    written: datetime | None
    """When a record was last written; None if there is no time to find it, or if it has several spaces."""
    children: list[Branch] = field(default_factory=list)
    hidden: int = 0
    """How many more children there are."""


def scope_tree(store: MemoryStore, chosen: str, viewer: Viewer) -> Branch:
    """The tree from the root to the chosen scope and its children."""
    parts = [part for part in chosen.split("/") if part]
    path = ["/", *("/" + "/".join(parts[: at + 1]) for at in range(len(parts)))]
    return _branch(store, "/", path, viewer, time.monotonic() + _PATIENCE)


def _branch(store: MemoryStore, scope: str, path: list[str], viewer: Viewer, until: float) -> Branch:
    name = scope.rpartition("/")[2] or "/"
    in_time = time.monotonic() < until
    count = store.count(scope=scope, **viewer) if in_time else None
    written = _last_write(store, scope, viewer) if in_time else None
    if scope not in path:
        return Branch(scope, name, count, written)
    children = store.scopes(scope, **viewer)
    shown = [child for at, child in enumerate(children) if at < MOST_CHILDREN or child in path]
    below = [_branch(store, child, path, viewer, until) for child in shown]
    return Branch(scope, name, count, written, below, len(children) - len(shown))


def _last_write(store: MemoryStore, scope: str, viewer: Viewer) -> datetime | None:
    with suppress(InvalidFilterError):
        for record in store.list(1, order="updated", scope=scope, **viewer):
            return record.updated_at
    return None
