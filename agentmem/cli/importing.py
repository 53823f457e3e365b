"""What the commands `agentmem import PROGRAM` share: their options, and the report."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar

import click

from agentmem import MemoryStore
from agentmem.cli.group import Failure
from agentmem.cli.options import json_option, may_exist, open_store, path_option
from agentmem.cli.output import print_json, say
from agentmem.cli.progress import progress_bar
from agentmem.importers import Report
from agentmem.types import Progress

_Command = TypeVar("_Command", bound=Callable[..., Any])


def import_options(command: _Command) -> _Command:
    """Add --path, --dry-run and --json."""
    return path_option(report_options(command))


def report_options(command: _Command) -> _Command:
    """Add --dry-run and --json."""
    dry_run = click.option("--dry-run", is_flag=True, help="Only print what would be imported.")
    return dry_run(json_option(command))


def program_command(
    program: str,
    what: str,
    where: str,
    read: Callable[[MemoryStore, str | None, bool, Progress, bool], Report],
    *,
    path_required: bool = False,
) -> click.Command:
    """A command that imports `what`, from PATH, which is `where`.

    `read` gets the store, PATH, whether only to report, the progress, and whether to replace what changed.
    """
    text = f"""Import {what}.

    PATH is {where}. Nothing is changed there. What was imported before is skipped. What cannot be read is
    counted.

    \b
    agentmem import {program} PATH --dry-run
    """

    @click.command(program, help=text)
    @click.argument(
        "place",
        type=click.Path(exists=True),
        metavar="PATH" if path_required else "[PATH]",
        required=path_required,
    )
    @click.option("--replace", is_flag=True, help="Replace records that have changed there since.")
    @import_options
    def command(path: str, place: str | None, replace: bool, dry_run: bool, as_json: bool) -> None:
        run_import(
            path, dry_run, as_json, lambda store, progress: read(store, place, dry_run, progress, replace)
        )

    return command


def run_import(
    path: str,
    dry_run: bool,
    as_json: bool,
    read: Callable[[MemoryStore, Progress], Report],
    if_none: str = "found nothing",
) -> None:
    """Import into the store at `path` and print the report; `if_none` is said if nothing was found.

    Raises Failure if there was something, and none of it could be read.
    """
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(progress_bar("importing", "rows"))
        if dry_run and not may_exist(path):
            path = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "empty.db")
        report = read(stack.enter_context(open_store(path, create=True)), progress)
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        _tell(report, dry_run, if_none)
    if report.problems and not (report.added or report.replaced or report.known):
        raise Failure("nothing of it could be read")


def _tell(report: Report, dry_run: bool, if_none: str) -> None:
    for problem in report.problems:
        say(problem, err=True)
    for name in report.sources:
        say(f"read {name}")
    if not report.sources:
        say(if_none)
    for note in report.notes:
        say(note)
    doing = "would add" if dry_run else "added"
    say(f"{doing} {report.additions()}, {report.known:,} were known, {report.broken:,} broken")
