"""`agentmem migrate`: bring a store to the newest schema."""

from __future__ import annotations

import click

import agentmem
from agentmem.cli.options import Integer, json_option, path_option
from agentmem.cli.output import print_json, say
from agentmem.cli.progress import progress_bar
from agentmem.store.path import is_url, shown


@click.command("migrate")
@click.argument("url", required=False)
@path_option
@click.option("--space-depth", type=Integer(0), help="How many parts of a scope name a space; default 1.")
@click.option("--partitions", type=Integer(0), help="Partitions of each table; default 64, 0 for none.")
@click.option("--status", is_flag=True, help="Only print the schema version; write nothing.")
@click.option("--dry-run", is_flag=True, help="Only print what would be done; write nothing.")
@json_option
def command(
    url: str | None,
    path: str,
    space_depth: int | None,
    partitions: int | None,
    status: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring a store to the newest schema, with a backup beside it. If there is no store, create one.

    Opening a store in a file does the same; this command does it beforehand. A store in PostgreSQL needs
    it: it makes the tables, in one transaction. How scopes are divided into spaces is decided then.

    \b
    agentmem migrate --status
    agentmem migrate --dry-run
    agentmem migrate
    agentmem migrate postgresql://host/db --space-depth 1
    """
    path = url or path
    planned = space_depth is not None or partitions is not None
    if planned and not is_url(path):
        raise click.UsageError("--space-depth and --partitions are for the URL of a database")
    found = agentmem.migration_status(path)
    writes = not (status or dry_run)
    if writes and is_url(path):
        with progress_bar("migrating", "steps"):
            found = agentmem.migrate(path, space_depth=space_depth, partitions=partitions)
    elif writes and found.pending:
        with progress_bar("migrating", "steps"):
            agentmem.open(path).close()
    if as_json:
        print_json(found.to_dict() | {"migrated": bool(found.pending) and writes})
        return
    if status:
        say(f"{shown(path)} has schema version {found.current}; the newest is {found.latest}")
    for _, name in found.pending:
        say(f"{'applied' if writes else 'would apply'} {name}")
    if not found.pending:
        say("nothing to do")
