"""`agentmem migrate`: bring a store to the newest schema."""

from __future__ import annotations

import click

import agentmem
from agentmem.cli.options import json_option, path_option
from agentmem.cli.output import print_json, say
from agentmem.cli.progress import progress_bar


@click.command("migrate")
@path_option
@click.option("--status", is_flag=True, help="Only print the schema version; write nothing.")
@click.option("--dry-run", is_flag=True, help="Only print what would be done; write nothing.")
@json_option
def command(path: str, status: bool, dry_run: bool, as_json: bool) -> None:
    """Bring a store to the newest schema, with a backup beside it. If there is no store, create one.

    Opening a store does the same. This command does it beforehand.

    \b
    agentmem migrate --status
    agentmem migrate --dry-run
    agentmem migrate
    """
    found = agentmem.migration_status(path)
    writes = not (status or dry_run)
    if found.pending and writes:
        with progress_bar("migrating", "steps"):
            agentmem.open(path).close()
    if as_json:
        print_json(found.to_dict() | {"migrated": bool(found.pending) and writes})
        return
    if status:
        say(f"{path} has schema version {found.current}; the newest is {found.latest}")
    for _, name in found.pending:
        say(f"{'applied' if writes else 'would apply'} {name}")
    if not found.pending:
        say("nothing to do")
