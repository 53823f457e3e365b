"""`agentmem journals`: list journals."""

from __future__ import annotations

import click

from agentmem.cli.options import json_option, limit_option, open_store, path_option
from agentmem.cli.output import print_json, print_lines


@click.command("journals")
@click.argument("prefix", default="")
@path_option
@limit_option(1000)
@click.option("--after", metavar="NAME", help="Only names behind this one.")
@json_option
def command(path: str, prefix: str, limit: int, after: str | None, as_json: bool) -> None:
    """List the journals whose names begin with PREFIX.

    \b
    agentmem journals
    agentmem journals sessions/
    """
    with open_store(path) as store:
        names = store.journals(prefix, after=after, limit=limit)
    if as_json:
        print_json(names)
    else:
        print_lines(names, "there are no such journals")
