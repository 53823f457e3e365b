"""What can be taken back, for as long as the inspector runs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from agentmem import MemoryStore, Record

_FIELDS = ["content", "scope", "categories", "metadata", "importance", "source", "private"]
_FIELDS += ["created_at", "expires_at"]
MOST_RECORDS = 10_000
"""How many records are remembered in all."""


@dataclass(frozen=True)
class Done:
    """What was done, and the records as they were before."""

    text: str
    deleted: Sequence[Record] = ()
    edited: Sequence[tuple[Record, int]] = field(default=())
    """Old records with the versions that they have now."""

    @property
    def size(self) -> int:
        """How many records it holds."""
        return len(self.deleted) + len(self.edited)

    def undo(self, store: MemoryStore) -> None:
        """Put everything back, or nothing. Raises ConflictError if a record was written meanwhile."""
        with store.batch() as batch:
            for record in self.deleted:
                batch.put(record, if_version=0)
            for record, version in self.edited:
                fields = {name: getattr(record, name) for name in _FIELDS}
                batch.update(record.id, if_version=version, **fields)


class Undo:
    """The last things that were done, by number."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._done: OrderedDict[int, Done] = OrderedDict()
        self._last = 0
        self._lock = threading.Lock()

    def remember(self, done: Done) -> int:
        """Keep what was done, and forget the oldest when there is too much; return its number."""
        with self._lock:
            self._last += 1
            self._done[self._last] = done
            while sum(one.size for one in self._done.values()) > MOST_RECORDS:
                self._done.popitem(last=False)
            return self._last

    def get(self, number: str) -> Done | None:
        """What has this number, if it can still be taken back."""
        return self._done.get(int(number)) if number.isdecimal() else None

    def forget(self, number: str) -> None:
        """It was taken back."""
        with self._lock:
            self._done.pop(int(number), None)
