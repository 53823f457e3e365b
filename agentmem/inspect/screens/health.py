"""Health: sizes and counters in words, checks, and what helps a damaged store."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from typing import Any

from agentmem.inspect.calls import call
from agentmem.inspect.counts import Counts
from agentmem.inspect.failures import PageError
from agentmem.inspect.jobs import Job
from agentmem.inspect.page import Next, Page
from agentmem.inspect.screen import Screen
from agentmem.inspect.visit import Visit
from agentmem.types import Progress

_AT_ONCE = 0.3
"""Seconds: what is done by then needs no second look at the page."""


def show(visit: Visit) -> Page:
    """Show the state of the store, and of the work that was started here."""
    store = visit.store
    job = visit.inspector.jobs.last
    place = visit.inspector.place
    stem = f"{os.path.splitext(os.path.basename(place.name))[0]}-{date.today().isoformat()}"
    data = {
        "stats": store.stats(),
        "counts": Counts.of(store, visit.viewer),
        "job": job.fields() if job else None,
        "folder": place.folder,
        "backup": None if place.in_database else f"{stem}.db",
        "export": f"{stem}.jsonl",
        "call": call(store.path, "verify", command="verify"),
    }
    return Page("health", "Health", data)


def verify(visit: Visit) -> Next:
    """Check the store."""
    return _start(visit, "Checking the store", lambda progress: visit.store.verify(progress).to_dict())


def rebuild(visit: Visit) -> Next:
    """Build the full text and the index again."""
    return _start(
        visit, "Building the index again", lambda progress: {"records": visit.store.rebuild(progress)}
    )


def backup(visit: Visit) -> Next:
    """Copy the store to a new file."""
    path = _new_file(visit)

    def work(progress: Progress) -> dict[str, Any]:
        visit.store.backup(path, progress)
        return {"path": path, "bytes": os.path.getsize(path)}

    return _start(visit, "Copying the store", work)


def export(visit: Visit) -> Next:
    """Write all records that are shown and not damaged to a new file."""
    path = _new_file(visit)

    def work(progress: Progress) -> dict[str, Any]:
        count = visit.store.export(path, progress, skip_damaged=True, **visit.viewer)
        return {"path": path, "records": count}

    return _start(visit, "Exporting the records", work)


def _start(visit: Visit, name: str, work: Callable[[Progress], dict[str, Any]]) -> Next:
    job: Job = visit.inspector.jobs.start(name, work)
    job.wait(_AT_ONCE)
    return Next(visit.link("/health") + "#job")


def _new_file(visit: Visit) -> str:
    """The path of a new file in the folder for copies. Nothing is overwritten, or written elsewhere."""
    name = visit.form.get("name").strip()
    if name in ("", ".", "..") or name != os.path.basename(name.replace("\\", "/")) or "\0" in name:
        raise PageError(400, "This is no name of a file", "Name a new file in the folder that is shown.")
    path = os.path.join(visit.inspector.place.folder, name)
    if os.path.lexists(path):
        raise PageError(409, "This file exists", f"Name a new file instead of {path}.")
    return path


SCREENS = [
    Screen("/health", show),
    Screen("/health/verify", verify, posted=True),
    Screen("/health/rebuild", rebuild, writes=True),
    Screen("/health/backup", backup, writes=True),
    Screen("/health/export", export, writes=True),
]
