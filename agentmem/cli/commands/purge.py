"""`agentmem purge`: delete what has expired."""

from __future__ import annotations

import click

from agentmem.cli.options import json_option, open_store, path_option
from agentmem.cli.output import print_json, say


@click.command("purge")
@path_option
@click.option("--scope", "-s", help="Only records in this scope and the scopes below.")
@json_option
def command(path: str, scope: str | None, as_json: bool) -> None:
    """Delete all records and journal entries that have expired.

    Nothing returns them any more, and every write deletes some of them; this deletes the rest at once.

    \b
    agentmem purge
    agentmem purge --scope /sessions
    """
    with open_store(path) as store:
        purged = store.purge(scope)
    print_json({"purged": purged}) if as_json else say(f"purged {purged}")
