"""`agentmem export mcp`: write the knowledge graph as the file of the reference memory server."""

from __future__ import annotations

from typing import Any

import click

from agentmem._files import writable
from agentmem.cli.options import FILE, json_option, open_store
from agentmem.cli.output import print_json, say
from agentmem.cli.served import served_path, served_path_option
from agentmem.cli.terminal import EscapedStdout


@click.command("mcp")
@click.argument("file", type=FILE)
@click.option("--scope", "-s", default="/", show_default=True, help="The scope of the server that has it.")
@served_path_option
@json_option
def command(path: str | None, file: str, scope: str, as_json: bool) -> None:
    """Write the knowledge graph to FILE, or to stdout for -, as the MCP memory server keeps it.

    \b
    agentmem export mcp memory.jsonl
    """
    from agentmem.mcp import export_memory_file

    target: Any = EscapedStdout() if file == "-" else file
    with open_store(served_path(path)) as store, writable(target) as out:
        lines = export_memory_file(store, out, scope)
    if file == "-":
        return
    print_json({"path": file, "lines": lines}) if as_json else say(f"wrote {lines:,} lines to {file}")
