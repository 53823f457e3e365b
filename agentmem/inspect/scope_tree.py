"""The scopes around one, as a tree with counts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agentmem import MemoryStore
from agentmem.types import Viewer

MOST_CHILDREN = 20
"""How many children of a scope are shown."""
_PATIENCE = 0.15
"""Seconds that all counts may take."""


@dataclass(frozen=True)
class Branch:
    """A scope with the number of records in it and below. Only the branch that is chosen has children."""

    scope: str
    name: str
    records: int | None
    """None if counting would have taken too long."""
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
    count = store.count(scope=scope, **viewer) if time.monotonic() < until else None
    if scope not in path:
        return Branch(scope, name, count)
    children = store.scopes(scope, **viewer)
    shown = [child for at, child in enumerate(children) if at < MOST_CHILDREN or child in path]
    below = [_branch(store, child, path, viewer, until) for child in shown]
    return Branch(scope, name, count, below, len(children) - len(shown))
