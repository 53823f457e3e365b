"""Record: everything about one record, and the form that edits it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from agentmem import InvalidFilterError, MemoryStore, Record
from agentmem.inspect.calls import call
from agentmem.inspect.diff import changed
from agentmem.inspect.draft import Draft
from agentmem.inspect.page import Page
from agentmem.inspect.screen import Screen
from agentmem.inspect.visit import Visit
from agentmem.types import Viewer

_BESIDE = 3
_SIMILAR = 10
_LONGEST_QUERY = 2000


def show(visit: Visit) -> Page:
    """Show a record with its history, its neighbours and what is like it."""
    record = visit.record(visit.query.get("id"))
    history = visit.store.history(record.id, **visit.viewer)
    data = {
        "record": record,
        "embedding": _embedding(record),
        "json": record.to_json(),
        "history": _steps(history),
        "before": _older(visit.store, record, visit.viewer),
        "after": _newer(visit.store, record, visit.viewer),
        "similar": _similar(visit.store, record, visit.viewer),
        "found_by": visit.inspector.searches.that_found(record.id),
        "draft": Draft.of(record),
        "call": call(visit.store.path, "get", record.id, command="get", viewer=visit.viewer),
    }
    return Page("record", record.content[:60] or record.id, data)


def _embedding(record: Record) -> dict[str, Any] | None:
    if record.embedding is None:
        return None
    norm = sum(value * value for value in record.embedding) ** 0.5
    return {"dimensions": len(record.embedding), "norm": norm}


def _steps(history: list[Record]) -> list[dict[str, Any]]:
    """Each version with what it changed, the newest first; empty if there was only one."""
    if len(history) == 1:
        return []
    drafts = [Draft.of(record) for record in history]
    steps = [
        {"record": record, "draft": draft, "changes": changed(before.texts(), draft.texts())}
        for record, draft, before in zip(history, drafts, [drafts[0], *drafts], strict=False)
    ]
    return steps[::-1]


def _older(store: MemoryStore, record: Record, viewer: Viewer) -> list[Record]:
    return store.list(_BESIDE, scope=record.scope, until=record.created_at, **viewer)


def _newer(store: MemoryStore, record: Record, viewer: Viewer) -> list[Record]:
    found = store.list(_BESIDE + 1, order="oldest", scope=record.scope, since=record.created_at, **viewer)
    return [other for other in found if other.id != record.id][:_BESIDE]


def _similar(store: MemoryStore, record: Record, viewer: Viewer) -> list[Any]:
    if not record.content.strip():
        return []
    for scope in ("/", record.scope):
        with suppress(InvalidFilterError):  # many spaces, in PostgreSQL, are not searched together
            hits = store.search(record.content[:_LONGEST_QUERY], _SIMILAR + 1, scope=scope, **viewer)
            return [hit for hit in hits if hit.record.id != record.id][:_SIMILAR]
    return []


SCREENS = [Screen("/record", show)]
