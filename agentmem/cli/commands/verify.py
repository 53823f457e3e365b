"""`agentmem verify`: check a store."""

from __future__ import annotations

import click

from agentmem.cli.group import Failure
from agentmem.cli.options import json_option, open_store, path_option
from agentmem.cli.output import counted, print_json, say
from agentmem.cli.progress import progress_bar
from agentmem.store.path import is_url, shown


@click.command("verify")
@path_option
@json_option
def command(path: str, as_json: bool) -> None:
    """Check the file and the checksums, and compare the full text and the index with the records.

    The exit code is 1 if there is a problem. `agentmem rebuild` makes everything but the records anew.
    """
    with progress_bar("checking", "records") as progress, open_store(path) as store:
        report = store.verify(progress)
    if as_json:
        print_json(report.to_dict())
    elif report:
        parts = "the checksums" if is_url(path) else "the file, the checksums, the full text"
        say(f"ok: {counted(report.records)}; {parts} and the index are sound")
    else:
        for problem in report.problems:
            say(problem)
    if not report:
        raise Failure(f"{shown(path)!r} has {len(report.problems)} problems; try `agentmem rebuild`")
