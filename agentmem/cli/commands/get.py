"""`agentmem get`: show records by id."""

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
from agentmem.cli.output import print_fields, print_json, record_fields


@click.command("get")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@path_option
@scope_option
@source_option
@include_private_option
@json_option
def command(
    path: str,
    ids: tuple[str, ...],
    scope: str | None,
    source: str | None,
    include_private: bool,
    as_json: bool,
) -> None:
    """Show all fields of the records with these IDs.

    \b
    agentmem get 0198c8a4-6f1c-7d3a-9a55-0f6c2f3d1b7e
    agentmem get my-id --json
    """
    with open_store(path) as store:
        found = store.get_many(ids, scope=scope, source=source, include_private=include_private)
    records = [record for record in found if record is not None]
    if as_json:
        print_json([record_fields(record) for record in records])
    else:
        for record in records:
            print_fields({**record_fields(record), "version": record.version})
    missing = [id for id, record in zip(ids, found, strict=True) if record is None]
    if missing:
        raise Failure(f"no record has the id {', '.join(map(repr, missing))}, or it is private")
