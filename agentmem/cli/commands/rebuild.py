"""`agentmem rebuild`: make the full text and the index anew."""

from __future__ import annotations

import click

from agentmem.cli.options import json_option, open_store, path_option
from agentmem.cli.output import counted, print_json, say
from agentmem.cli.progress import progress_bar


@click.command("rebuild")
@path_option
@json_option
def command(path: str, as_json: bool) -> None:
    """Make the full text and the index anew from the records, and give free space back to the disk."""
    with progress_bar("rebuilding", "records") as progress, open_store(path) as store:
        records = store.rebuild(progress)
    print_json({"records": records}) if as_json else say(f"rebuilt from {counted(records)}")
