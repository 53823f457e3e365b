"""`agentmem import crewai`: import what CrewAI's own storages left on disk."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile

from agentmem.cli.options import open_store
from agentmem.cli.output import counted, print_json, say
from agentmem.cli.progress import progress_bar


def import_crewai(path: str, directory: str | None, dry_run: bool, crew: str, as_json: bool) -> None:
    """Import what CrewAI keeps below the directory, or below its usual folders, and print a report."""
    from agentmem.crewai import importers

    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(progress_bar("importing", "rows"))
        if dry_run and not os.path.exists(path):
            path = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "empty.db")
        store = stack.enter_context(open_store(path, create=True))
        report = importers.import_crewai(store, directory, dry_run=dry_run, progress=progress, crew=crew)
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    for problem in report.problems:
        say(problem, err=True)
    for name in report.sources:
        say(f"read {name}")
    if not report.sources:
        say(f"found nothing of CrewAI in {directory or 'its usual folders; name the DIRECTORY'}")
    doing = "would add" if dry_run else "added"
    flows = f" and the states of {report.flows} flows" if report.flows else ""
    say(f"{doing} {counted(report.added)}{flows}, {report.known} were known, {report.broken} broken")
