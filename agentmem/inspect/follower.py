"""Follows the writes and deletions of all processes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from agentmem import Change, MemoryStore, Record
from agentmem.types import Viewer

_RECENT = 25
_REMEMBERED = 2000
_MOST_CHANGES = 500


@dataclass(frozen=True)
class Line:
    """What happened to a record."""

    kind: Literal["added", "updated", "deleted", "gone"]
    """"gone" is a version that was deleted or replaced, of a record that the follower has not seen."""
    version: int
    record: Record | None
    seen_at: datetime


class Follower:
    """Turns changes into lines. It remembers records, so that it can say what was deleted."""

    def __init__(
        self, store: MemoryStore, viewer: Viewer, scope: str = "", cursor: str | None = None
    ) -> None:
        """Begin at a cursor, or now. With a scope, only its records give lines.

        Raises InvalidFilterError if the store has several spaces, in PostgreSQL, and the scope is in none.
        """
        self._store = store
        self._viewer = viewer
        self._scope = scope.rstrip("/")
        self.cursor = cursor or store.changes(limit=0, scope=scope or None).cursor
        self._records: OrderedDict[int, Record] = OrderedDict()
        self.recent = store.list(_RECENT, order="updated", scope=scope or None, **viewer)
        self._remember(self.recent)

    def poll(self) -> list[Line]:
        """What has happened since the last call, oldest first."""
        found = self._store.changes(self.cursor, _MOST_CHANGES, scope=self._scope or None, **self._viewer)
        self.cursor = found.cursor
        now = datetime.now(timezone.utc)
        return [line for change in found.items if (line := self._line(change, now))]

    def _line(self, change: Change, now: datetime) -> Line | None:
        if change.record is not None:
            known = any(
                record.id == change.id and version < change.version
                for version, record in self._records.items()
            )
            self._remember([change.record])
            again = known or change.record.updated_at != change.record.created_at
            return self._in_scope(Line("updated" if again else "added", change.version, change.record, now))
        record = self._records.pop(change.version, None)
        if record is None:
            return None if self._scope else Line("gone", change.version, None, now)
        if self._store.get(record.id, **self._viewer) is not None:
            return None  # its new version has a line
        return self._in_scope(Line("deleted", change.version, record, now))

    def _in_scope(self, line: Line) -> Line | None:
        inside = line.record is not None and f"{line.record.scope}/".startswith(f"{self._scope}/")
        return line if inside else None

    def _remember(self, records: Iterable[Record]) -> None:
        for record in records:
            self._records[record.version or 0] = record
        while len(self._records) > _REMEMBERED:
            self._records.popitem(last=False)
