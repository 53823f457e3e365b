"""The categories of a store with their counts, for forms. Counting a million records takes a moment."""

from __future__ import annotations

import threading
import time

from agentmem import AgentMemError, InvalidFilterError, MemoryStore
from agentmem.types import Viewer

_PATIENCE = 0.05


class CategoryCounts:
    """Counts in the background, again after the store has changed."""

    def __init__(self, store: MemoryStore, viewer: Viewer) -> None:
        """Count nothing yet."""
        self._store = store
        self._viewer = viewer
        self._counted: tuple[str, dict[str, int]] = ("", {})
        self._running = threading.Lock()

    def get(self) -> dict[str, int]:
        """The counts, most frequent first. While they are counted anew, those of before."""
        if self._counted[0] != self._state() and self._running.acquire(blocking=False):
            counting = threading.Thread(target=self._count, daemon=True)
            counting.start()
            counting.join(_PATIENCE)
        return self._counted[1]

    def _state(self) -> str:
        """Another one after a write. Of several spaces, in PostgreSQL, only the minute tells."""
        try:
            return self._store.changes(limit=0).cursor
        except InvalidFilterError:
            return f"minute {time.monotonic() // 60}"

    def _count(self) -> None:
        try:
            state = self._state()
            self._counted = (state, self._store.categories(**self._viewer))
        except AgentMemError:  # the page itself tells of it
            pass
        finally:
            self._running.release()
