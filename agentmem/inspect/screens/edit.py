"""Edit: a draft of a record is compared with it, then saved, unless somebody else was faster."""

from __future__ import annotations

from agentmem import ConflictError, InvalidRecordError, Record
from agentmem.inspect.diff import changed
from agentmem.inspect.draft import Draft
from agentmem.inspect.failures import failure_of
from agentmem.inspect.page import Next, Page
from agentmem.inspect.screen import Answer, Screen
from agentmem.inspect.undo import Done
from agentmem.inspect.visit import Visit


def check(visit: Visit) -> Page:
    """Say whether a draft could be stored, while it is still edited; nothing is written."""
    record, problem = visit.record(visit.form.get("id")), None
    try:
        Draft.read(visit.form).changes(record)
    except InvalidRecordError as error:
        problem = str(error)
    return Page("check", "Check", {"problem": problem})


def review(visit: Visit) -> Page:
    """Show what a draft changes; nothing is written."""
    record = visit.record(visit.form.get("id"))
    return _review(visit, record, Draft.read(visit.form))


def save(visit: Visit) -> Answer:
    """Write a draft, if the record still has the version that was edited."""
    record, draft = visit.record(visit.form.get("id")), Draft.read(visit.form)
    version = visit.form.get("version")
    try:
        changes = draft.changes(record)
        if str(record.version) != version:
            raise ConflictError("", int(version or 0), record.version or 0, record.id)
        if not changes:
            return Next(visit.link("/record", id=record.id))
        if visit.form.get("how") == "supersede":
            content = changes.pop("content", record.content)
            visit.store.supersede(record.id, content, if_version=record.version, **changes)
            return Next(visit.link("/record", id=record.id))
        new = visit.store.update(record.id, if_version=record.version, **changes)
    except (InvalidRecordError, ConflictError) as error:
        return _review(visit, visit.record(record.id), draft, error)
    done = Done("Saved.", edited=[(record, new.version or 0)])
    return Next(visit.link("/record", id=record.id, done=visit.inspector.undo.remember(done)))


def _review(visit: Visit, record: Record, draft: Draft, error: Exception | None = None) -> Page:
    conflict = isinstance(error, ConflictError)
    invalid: Exception | None = None if conflict else error
    try:
        draft.changes(record)
    except InvalidRecordError as found:
        invalid = found
    data = {
        "record": record,
        "draft": draft,
        "how": visit.form.get("how", "update"),
        "changes": changed(Draft.of(record).texts(), draft.texts()),
        "conflict": conflict,
        "failure": failure_of(invalid).fields() if invalid else None,
    }
    status = 409 if conflict else 400 if invalid else 200
    return Page("review", "Review", data, status)


SCREENS = [
    Screen("/record/check", check, writes=True),
    Screen("/record/review", review, writes=True),
    Screen("/record/save", save, writes=True),
]
