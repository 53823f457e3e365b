"""`agentmem journal`: show the entries of a journal."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from agentmem.cli.group import Failure
from agentmem.cli.options import Integer, json_option, open_store, path_option
from agentmem.cli.output import local_time, print_json, print_rows
from agentmem.types import Entry


@click.command("journal")
@click.argument("name")
@path_option
@click.option("--last", "-n", type=Integer(0), help="Of the log, only so many of the newest entries.")
@click.option("--prefix", default="", help="Of the map, only keys that begin with this text.")
@json_option
def command(path: str, name: str, last: int | None, prefix: str, as_json: bool) -> None:
    """Show the entries of the journal NAME: its log, oldest first, and then its map, by key.

    Bytes are shown as hexadecimal digits. With --json, such an entry has "encoding": "hex", as in exports.

    \b
    agentmem journal sessions/42 --last 20
    agentmem journal states --prefix crew/ --json
    """
    with open_store(path) as store:
        journal = store.journal(name)
        entries = [*journal.read(last), *journal.items(prefix)]
    if as_json:
        print_json([_fields(entry) for entry in entries])
        return
    print_rows(
        ["number", "written", "key", "value"],
        [_row(entry) for entry in entries],
        "there are no such entries",
        key="number",
        text="value",
    )


def _row(entry: Entry) -> list[str]:
    return [str(entry.number), local_time(entry.written_at), entry.key or "", _json(entry)]


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "key": entry.key,
        **({"encoding": "hex"} if isinstance(entry.value, bytes) else {}),
        "value": json.loads(_json(entry)),
        "written_at": _time(entry.written_at),
        "expires_at": entry.expires_at and _time(entry.expires_at),
    }


def _time(moment: datetime) -> str:
    """The moment as records show it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _json(entry: Entry) -> str:
    value = entry.value.hex() if isinstance(entry.value, bytes) else entry.value
    try:
        return json.dumps(value, ensure_ascii=False)
    except ValueError as error:  # Python writes no integers of more than some thousand digits
        raise Failure(f"entry {entry.number} cannot be shown: {error}") from error
