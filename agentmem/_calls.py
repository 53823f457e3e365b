"""Writes as data: what MemoryStore sends at once, and a batch when its block ends.

Every argument is checked and copied here, so that nothing that changes later changes the write.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentmem import _core
from agentmem._core import Call, Record
from agentmem.errors import InvalidRecordError
from agentmem.types import Names, NewRecord, OnConflict, Ttl, When


def add_many(records: Iterable[NewRecord], on_conflict: OnConflict) -> Call:
    """Store several records, all or nothing."""
    if isinstance(records, (str, bytes, dict, Record)) or not isinstance(records, Iterable):
        raise InvalidRecordError(
            f"invalid record: records must be a list, not {type(records).__name__}; use add() for one"
        )
    return Call.add(records, on_conflict)


def update(id: str, changes: dict[str, Any], ttl: Ttl | None, if_version: int | None) -> Call:
    """Change fields of a record."""
    if ttl is not None and "expires_at" in changes:
        raise InvalidRecordError("ttl and expires_at do not go together, even where expires_at is None")
    return Call.update(id, expiring(changes, ttl), if_version)


def supersede(id: str, content: str, fields: dict[str, Any], ttl: Ttl | None, if_version: int | None) -> Call:
    """Give a record a new version and keep the old one."""
    return Call.supersede(id, {"content": content, **expiring(fields, ttl)}, if_version)


def delete(ids: Names | None, filters: dict[str, Any], if_version: int | None) -> Call:
    """Delete records by id or by filters."""
    return Call.delete({"ids": ids, **filters}, if_version)


def touch(ids: Names, scope: str | None, ttl: Ttl | None, expires_at: When | None) -> Call:
    """Set when records were last accessed, and when they expire."""
    return Call.touch(ids, scope, _core.expiry(ttl, expires_at))


def expiring(fields: dict[str, Any], ttl: Ttl | None) -> dict[str, Any]:
    """The fields, with the moment at which `ttl` ends."""
    return fields if ttl is None else {**fields, "expires_at": _core.expiry(ttl, fields.get("expires_at"))}
