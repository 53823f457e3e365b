"""The words of a query that a search looks for."""

from __future__ import annotations

import os
import tempfile
import threading
from typing import cast

import agentmem
from agentmem import MemoryStore
from agentmem._adapters import clean
from agentmem.types import Mode

_QUERY = "query"


class QueryWords:
    """Finds them in a store that holds nothing but the query: what a search passes over is not among them."""

    def __init__(self) -> None:
        """Make the store when it is needed."""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._store: MemoryStore | None = None
        self._lock = threading.Lock()

    def of(self, query: str, mode: str) -> list[str]:
        """The words, heaviest first."""
        with self._lock:
            store = self._opened()
            text = clean(query)
            store.put(text, id=_QUERY)
            return list(store.explain(text, _QUERY, mode=cast("Mode", mode)).words)

    def _opened(self) -> MemoryStore:
        if self._store is None:
            self._folder = tempfile.TemporaryDirectory(prefix="agentmem-inspect-")
            self._store = agentmem.open(os.path.join(self._folder.name, "query.db"), durability="normal")
        return self._store
