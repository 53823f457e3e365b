"""Delete: asks, deletes one record, and remembers it for undo."""

from __future__ import annotations

from agentmem.inspect.page import Next, Page
from agentmem.inspect.screen import Screen
from agentmem.inspect.undo import Done
from agentmem.inspect.visit import Visit


def ask(visit: Visit) -> Page:
    """Show the record that is to be deleted."""
    record = visit.record(visit.query.get("id"))
    versions = len(visit.store.history(record.id, **visit.viewer))
    return Page("delete", "Delete", {"record": record, "versions": versions, "back": visit.back("/browse")})


def delete(visit: Visit) -> Next:
    """Delete it, if it has not changed since the user saw it."""
    record = visit.record(visit.form.get("id"))
    version = visit.form.get("version")
    visit.store.delete(record.id, if_version=int(version) if version.isdecimal() else record.version)
    number = visit.inspector.undo.remember(Done("Deleted.", deleted=[record]))
    return Next(visit.returning("/browse", done=number))


SCREENS = [Screen("/delete", ask), Screen("/delete/now", delete, writes=True)]
