"""What takes a moment to find out in a large store, such as how many records it shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from agentmem import AgentMemError, InvalidFilterError, MemoryStore

_PATIENCE = 0.1
"""Seconds that a page waits for it."""

_Value = TypeVar("_Value")


class SlowValue(Generic[_Value]):
    """A value of a store that is found out in the background, and again after the store has changed."""

    def __init__(self, store: MemoryStore, find_out: Callable[[], _Value], unknown: _Value) -> None:
        """Find out nothing yet; until then the value is `unknown`."""
        self._store = store
        self._find_out = find_out
        self._known: tuple[str, _Value] = ("", unknown)
        self._running = threading.Lock()

    def get(self) -> _Value:
        """The value. While it is found out anew for longer than a moment, the one before."""
        if self._known[0] != self._state() and self._running.acquire(blocking=False):
            thread = threading.Thread(target=self._update, daemon=True)
            thread.start()
            thread.join(_PATIENCE)
        return self._known[1]

    def _state(self) -> str:
        """Another one after a write. Of several spaces, in PostgreSQL, only the minute tells."""
        try:
            return self._store.changes(limit=0).cursor
        except InvalidFilterError:
            return f"minute {time.monotonic() // 60}"

    def _update(self) -> None:
        try:
            state = self._state()
            self._known = (state, self._find_out())
        except AgentMemError:  # the page itself tells of it
            pass
        finally:
            self._running.release()
