"""`agentmem reset`: delete everything, or a whole scope."""

from __future__ import annotations

import click

from agentmem.cli.options import confirm, json_option, open_store, path_option, yes_option
from agentmem.cli.output import counted, print_json, say
from agentmem.store.path import shown


@click.command("reset")
@path_option
@click.option("--scope", "-s", help="Only this scope and the scopes below.")
@click.option("--journals", is_flag=True, help="Delete all journals too; not with --scope.")
@yes_option
@json_option
def command(path: str, scope: str | None, journals: bool, yes: bool, as_json: bool) -> None:
    """Delete all records of the store or of a scope, including private records.

    \b
    agentmem reset --scope /crew/research
    agentmem reset --journals --yes
    """
    if journals and scope is not None:
        raise click.UsageError("journals are in no scope; --journals does not go with --scope")
    with open_store(path) as store:
        if not yes:
            count = store.count(scope=scope, include_private=True)
            where = f"in {scope} of {shown(path)}" if scope else f"in {shown(path)}"
            confirm(f"Delete all {counted(count)} {'and all journals ' if journals else ''}{where}?")
        deleted = store.reset(scope, journals=journals)
    print_json({"deleted": deleted}) if as_json else say(f"deleted {counted(deleted)}")
