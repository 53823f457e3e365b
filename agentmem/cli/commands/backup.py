"""`agentmem backup`: copy a store."""

from __future__ import annotations

import os

import click

from agentmem.cli.options import FILE, json_option, open_store, path_option
from agentmem.cli.output import print_json, say
from agentmem.cli.progress import progress_bar


@click.command("backup")
@click.argument("target", type=FILE)
@path_option
@json_option
def command(path: str, target: str, as_json: bool) -> None:
    """Copy the store to the file TARGET. The store may be in use.

    \b
    agentmem backup memory-2024-05-01.db
    """
    with progress_bar("copying", "pages") as progress, open_store(path) as store:
        store.backup(target, progress)
    size = os.path.getsize(target)
    print_json({"path": target, "bytes": size}) if as_json else say(f"wrote {target}, {size:,} bytes")
