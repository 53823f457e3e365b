"""The graph of a scope, kept in memory: a read takes in only what has changed since the read before."""

from __future__ import annotations

import threading

from agentmem import Change, MemoryStore
from agentmem._adapters import contains

from .graph import Graph, Piece, graph_of, piece_of

# With as many changes or more, the scope is read anew.
_MOST_CHANGES = 1000


class FollowedGraph:
    """The graph, whichever process writes to it. It is safe to use from many threads."""

    def __init__(self, store: MemoryStore, scope: str) -> None:
        """Take the store and the scope, and read nothing yet."""
        self._store = store
        self._scope = scope
        self._lock = threading.Lock()
        self._cursor: str | None = None
        self._pieces: dict[int, Piece | None] = {}  # by version, so in the order in which they were written
        self._graph = Graph()

    def read(self) -> Graph:
        """The graph as it is now, in the order in which it was written. Do not change it."""
        with self._lock:
            if self._cursor is None or not self._follow(self._cursor):
                self._read_anew()
            return self._graph

    def _follow(self, cursor: str) -> bool:
        """Take in what has changed; false if the result is not the scope as it is now."""
        changes = self._store.changes(cursor, _MOST_CHANGES, scope=self._scope)
        if not changes.complete or len(changes.items) == _MOST_CHANGES:
            return False
        self._cursor = changes.cursor
        inside = [self._take_in(change) for change in changes.items]
        if any(inside):
            self._graph = graph_of(self._pieces.values())
        return len(self._pieces) == self._store.count(scope=self._scope)  # expiry is no change

    def _take_in(self, change: Change) -> bool:
        """Whether the change concerns the scope."""
        if change.record is None:
            return self._pieces.pop(change.version, self) is not self
        inside = contains(self._scope, change.record.scope)
        if inside:
            self._pieces[change.version] = piece_of(change.record)
        return inside

    def _read_anew(self) -> None:
        self._cursor = self._store.changes(limit=0, scope=self._scope).cursor
        records = self._store.list(None, order="written", scope=self._scope)
        self._pieces = {record.version or 0: piece_of(record) for record in records}
        self._graph = graph_of(self._pieces.values())
