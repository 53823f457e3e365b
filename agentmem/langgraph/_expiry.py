"""When the records of an item with a TTL end.

By default that is when the TTL ends. With `omit_expired` False an item is kept until a sweep: its records end
a thousand years later, and the sweep deletes those whose TTL has ended.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from agentmem import MemoryStore, Record
from agentmem.langgraph._items import vector_ids

KEPT_FOR = timedelta(days=365_000)
"""How much later than its TTL the records of a kept item end."""

_PAGE = 1000


def end(minutes: float | None, *, kept: bool) -> dict[str, Any]:
    """When a record ends whose TTL begins now, as an argument of a write."""
    if minutes is None:
        return {"expires_at": None}
    return {"ttl": 60 * minutes + (KEPT_FOR.total_seconds() if kept else 0)}


def sweep(store: MemoryStore, scope: str) -> int:
    """Delete the kept items whose TTL has ended. Returns how many records. This reads all kept items."""
    deleted, after = 0, 0
    while items := store.list(_PAGE, order="written", after=after, scope=scope, where={"kept": True}):
        after = items[-1].version or after
        deleted += store.delete([id for item in items if _ended(item) for id in (item.id, *vector_ids(item))])
    return deleted


def _ended(item: Record) -> bool:
    return item.expires_at is not None and item.expires_at - KEPT_FOR <= datetime.now(timezone.utc)
