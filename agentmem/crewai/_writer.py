"""A bounded queue without a thread of its own: the threads that fill it take turns at emptying it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_GROUP = 200

_Item = TypeVar("_Item")


class GroupWriter(Generic[_Item]):
    """Passes items on in groups. The first thread that finds nobody writing writes for all.

    `write` must not raise.
    """

    def __init__(self, write: Callable[[list[_Item]], None], capacity: int, patience: float) -> None:
        """`capacity` items can wait. A thread that finds the queue full waits for `patience` seconds."""
        self._write = write
        self._capacity = capacity
        self._patience = patience
        self._changed = threading.Condition()
        self._waiting: deque[_Item] = deque()
        self._writing = False

    def put(self, item: _Item) -> bool:
        """Pass an item on, now or in another thread. Returns False if the queue stayed full."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, self._patience):
                return False
            self._waiting.append(item)
            if self._writing:
                return True
            self._writing = True
        while group := self._take():
            self._write(group)
        return True

    def _has_room(self) -> bool:
        return len(self._waiting) < self._capacity

    def _take(self) -> list[_Item]:
        """The next items. If there are none, this thread no longer writes."""
        with self._changed:
            group = [self._waiting.popleft() for _ in range(min(_GROUP, len(self._waiting)))]
            self._writing = bool(group)
            self._changed.notify_all()
            return group
