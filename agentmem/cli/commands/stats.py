"""`agentmem stats`: sizes and counters of a store."""

from __future__ import annotations

import click

from agentmem.cli.options import json_option, open_store, path_option
from agentmem.cli.output import print_fields, print_json


@click.command("stats")
@path_option
@json_option
def command(path: str, as_json: bool) -> None:
    """Show how many records the store holds and how much space it uses."""
    with open_store(path) as store:
        stats = store.stats().to_dict()
    print_json(stats) if as_json else print_fields(stats)
