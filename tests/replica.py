"""What a reader of the change feed knows of a store."""

from __future__ import annotations

from typing import Any

from agentmem import MemoryStore, Record


class Replica:
    """Knows of a store only what the feed says: the newest record of each id."""

    def __init__(self) -> None:
        self.cursor: Any = None
        self.records: dict[int, Record] = {}

    def follow(self, store: MemoryStore, limit: int = 1000, **viewer: Any) -> None:
        """Read until nothing new comes; start anew where deletions were forgotten."""
        while True:
            changes = store.changes(self.cursor, limit, **viewer)
            assert len(changes.items) <= limit
            if not changes.complete:
                assert self.cursor is not None
                self.cursor, self.records = None, {}
                continue
            self.cursor = changes.cursor
            if not changes.items:
                return
            for change in changes.items:
                self.take(change)

    def take(self, change: Any) -> None:
        """A write replaces what had its id; a deletion removes the version that it names."""
        if change.kind == "delete":
            self.records.pop(change.version, None)
            return
        assert change.kind == "write"
        assert (change.id, change.version) == (change.record.id, change.record.version)
        for version in [v for v, record in self.records.items() if record.id == change.id]:
            del self.records[version]
        self.records[change.version] = change.record

    def contents(self) -> dict[str, str]:
        """Content by id."""
        return {record.id: record.content for record in self.records.values()}
