"""`agentmem delete`: delete records by id or filter."""

from __future__ import annotations

from typing import Any

import click

from agentmem import MemoryStore
from agentmem.cli.options import (
    Integer,
    confirm,
    filter_options,
    json_option,
    open_store,
    path_option,
    yes_option,
)
from agentmem.cli.output import counted, print_json, say
from agentmem.store.path import shown

_NARROWING = ("scope", "categories", "where", "since", "until")


@click.command("delete")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@path_option
@filter_options
@click.option("--if-version", type=Integer(0), help="Only if the record with the one ID has this version.")
@yes_option
@json_option
def command(
    path: str, ids: tuple[str, ...], if_version: int | None, yes: bool, as_json: bool, **filters: Any
) -> None:
    """Delete the records with these IDs, or all records that pass the filters.

    \b
    agentmem delete 0198c8a4-6f1c-7d3a-9a55-0f6c2f3d1b7e
    agentmem delete my-id --if-version 42
    agentmem delete --scope /tmp --until 2024-01-01 --yes
    """
    if not ids and not any(filters[name] for name in _NARROWING):
        raise click.UsageError("name ids, or filters such as --scope; `agentmem reset` deletes everything")
    if if_version is not None and (len(ids) != 1 or any(filters.values())):
        raise click.UsageError("--if-version goes with one id and no filter")
    with open_store(path) as store:
        if not yes:
            what = f"{counted(len(ids))} by id" if ids else counted(store.count(**filters))
            confirm(f"Delete {what} from {shown(path)}?")
        deleted = _delete(store, ids, if_version, filters)
    print_json({"deleted": deleted}) if as_json else say(f"deleted {counted(deleted)}")


def _delete(store: MemoryStore, ids: tuple[str, ...], if_version: int | None, filters: dict[str, Any]) -> int:
    if if_version is None:
        return store.delete(list(ids) or None, **filters)
    return store.delete(ids, if_version=if_version)
