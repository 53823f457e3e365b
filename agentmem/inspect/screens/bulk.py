"""Bulk actions: what is done with many records at once, all or nothing, after a look at what they are."""

from __future__ import annotations

from agentmem.inspect.failures import PageError
from agentmem.inspect.formats import counted
from agentmem.inspect.page import Download, Next, Page
from agentmem.inspect.screen import Screen
from agentmem.inspect.selection import Selection
from agentmem.inspect.undo import MOST_RECORDS, Done
from agentmem.inspect.visit import Visit

ACTS = {"delete": "Delete", "move": "Move", "categorize": "Add the category to"}
_SAMPLES = 10
_UNASKED = 20
"""More records than this are changed only after their number was typed."""


def export(visit: Visit) -> Download:
    """Download the selected records."""
    lines = "".join(record.to_json() + "\n" for record in Selection.read(visit).records)
    return Download("records.jsonl", lines.encode(), "application/jsonl")


def review(visit: Visit) -> Page:
    """Show how many records are selected, and some of them."""
    selection = _changeable(visit)
    act = visit.form.get("act")
    value = visit.form.get(act).strip()
    if act not in ACTS or (act != "delete" and not value):
        raise PageError(400, "Something is missing", "Name the scope or the category.")
    data = {
        "act": act,
        "does": ACTS[act],
        "value": value,
        "count": len(selection.records),
        "samples": selection.records[:_SAMPLES],
        "pairs": selection.pairs,
        "seen": selection.seen(),
        "ask": len(selection.records) > _UNASKED,
        "back": visit.back("/browse"),
    }
    return Page("bulk", f"{ACTS[act]} {counted(len(selection.records), 'record')}", data)


def now(visit: Visit) -> Next:
    """Do it. If one of the records has changed since they were shown, nothing is done."""
    selection = _changeable(visit)
    count, newest = visit.form.get("count"), visit.form.get("newest")
    seen = selection.seen()
    if (count, newest) != (str(seen["count"]), str(seen["newest"])):
        raise PageError(409, "The records have changed meanwhile", "Select them again in Browse.")
    if len(selection.records) > _UNASKED and visit.form.get("typed").replace(",", "").strip() != count:
        raise PageError(400, "This is not their number", f"Type {count} to go on, or go back.")
    done = _do(visit, selection, visit.form.get("act"), visit.form.get("value"))
    return Next(visit.returning("/browse", done=visit.inspector.undo.remember(done)))


def _changeable(visit: Visit) -> Selection:
    """The selection. Raises PageError if it could not be undone."""
    selection = Selection.read(visit, MOST_RECORDS + 1)
    if len(selection.records) > MOST_RECORDS:
        raise PageError(400, "Too many records", f"More than {MOST_RECORDS:,} could not be undone.")
    return selection


def _do(visit: Visit, selection: Selection, act: str, value: str) -> Done:
    records = selection.records
    with visit.store.batch() as batch:
        if act == "delete":
            for record in records:
                batch.delete(record.id, if_version=record.version)
        elif act == "move":
            calls = [batch.update(one.id, scope=value, if_version=one.version) for one in records]
        elif act == "categorize":
            calls = [
                batch.update(one.id, categories=[*one.categories, value], if_version=one.version)
                for one in records
            ]
        else:
            raise PageError(400, "Something is missing", "Choose what to do.")
    if act == "delete":
        return Done(f"{counted(len(records), 'record')} deleted.", deleted=records)
    edited = [(record, call.version or 0) for record, call in zip(records, calls, strict=True)]
    return Done(f"{counted(len(records), 'record')} changed.", edited=edited)


SCREENS = [
    Screen("/bulk", review, writes=True),
    Screen("/bulk/now", now, writes=True),
    Screen("/bulk/export", export, posted=True),
]
