"""`agentmem list`: list records in an order."""

from __future__ import annotations

from typing import Any

import click

from agentmem.cli.options import Integer, filter_options, json_option, limit_option, open_store, path_option
from agentmem.cli.output import local_time, print_json, print_rows, record_fields


@click.command("list")
@path_option
@limit_option(20)
@click.option("--offset", type=Integer(0), default=0, help="Skip this many.")
@click.option(
    "--order",
    type=click.Choice(["newest", "oldest", "written", "updated"]),
    default="newest",
    show_default=True,
    help="By date of creation, or by version: lowest first (written) or highest (updated).",
)
@filter_options
@json_option
def command(path: str, limit: int, offset: int, order: Any, as_json: bool, **filters: Any) -> None:
    """List records, newest first unless --order says otherwise.

    \b
    agentmem list --limit 5
    agentmem list --order updated
    agentmem list --scope /user --since 2024-05-01
    """
    with open_store(path) as store:
        records = store.list(limit, offset, order=order, **filters)
    if as_json:
        print_json([record_fields(record) for record in records])
        return
    rows = [[local_time(record.created_at), record.id, record.scope, record.content] for record in records]
    print_rows(["created", "id", "scope", "content"], rows, "there are no such records")
