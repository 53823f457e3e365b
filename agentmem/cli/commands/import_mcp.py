"""`agentmem import mcp`: import the file of the reference memory server."""

from __future__ import annotations

import os

import click

from agentmem.cli.group import Failure
from agentmem.cli.importing import report_options, run_import
from agentmem.cli.served import served_path, served_path_option


@click.command("mcp")
@click.argument("file")
@click.option("--scope", "-s", default="/", show_default=True, help="The scope of the server that has it.")
@served_path_option
@report_options
def command(path: str | None, file: str, scope: str, dry_run: bool, as_json: bool) -> None:
    """Import the FILE of the MCP memory server: memory.jsonl, or memory.json.

    `agentmem mcp` with the same --scope then finds its entities, observations and relations.

    \b
    agentmem import mcp ~/memory.jsonl --dry-run
    """
    from agentmem.mcp import import_memory_file

    if not os.path.isfile(file):
        raise Failure(f"there is no file {file!r}")
    run_import(
        served_path(path, create=not dry_run),
        dry_run,
        as_json,
        lambda store, progress: import_memory_file(store, file, scope, dry_run, progress),
    )
