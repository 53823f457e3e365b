"""`agentmem history`: show all versions of a record."""

from __future__ import annotations

import click

from agentmem.cli.group import Failure
from agentmem.cli.options import (
    include_private_option,
    json_option,
    open_store,
    path_option,
    scope_option,
    source_option,
)
from agentmem.cli.output import local_time, print_json, print_rows, record_fields


@click.command("history")
@click.argument("id", metavar="ID")
@path_option
@scope_option
@source_option
@include_private_option
@json_option
def command(
    path: str, id: str, scope: str | None, source: str | None, include_private: bool, as_json: bool
) -> None:
    """Show all versions of the record with this ID, oldest first, the current one last.

    \b
    agentmem history my-id
    agentmem history my-id --json
    """
    with open_store(path) as store:
        versions = store.history(id, scope=scope, source=source, include_private=include_private)
    if not versions:
        raise Failure(f"no record has the id {id!r}, or it is private")
    if as_json:
        print_json([record_fields(record) for record in versions])
        return
    rows = [[str(record.version), local_time(record.created_at), record.content] for record in versions]
    print_rows(["version", "created", "content"], rows, "", key="version")
