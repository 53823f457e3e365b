"""`agentmem export`: write records as JSON lines."""

from __future__ import annotations

from typing import Any

import click

from agentmem.cli.commands import export_mcp
from agentmem.cli.options import filter_options, json_option, open_store, path_option
from agentmem.cli.output import counted, print_json, say
from agentmem.cli.programs import WithPrograms, program_or_file
from agentmem.cli.progress import progress_bar
from agentmem.cli.terminal import EscapedStdout


@click.command("export", cls=WithPrograms, programs=[export_mcp.command])
@click.argument("file", default="-", shell_complete=program_or_file)
@path_option
@filter_options
@click.option("--skip-damaged", is_flag=True, help="Leave out damaged records and entries.")
@click.option("--journals", is_flag=True, help="Write the entries of all journals too.")
@click.option("--history", is_flag=True, help="Write the superseded versions of the records too.")
@json_option
def command(
    path: str,
    file: str,
    skip_damaged: bool,
    journals: bool,
    history: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Write records to FILE or stdout, as one JSON object a line.

    Private records are left out unless --include-private is given. With --json, the number of records that
    went into FILE is printed as JSON. `export PROGRAM FILE` writes what another program reads.

    \b
    agentmem export memories.jsonl --include-private
    agentmem export everything.jsonl --include-private --journals --history
    agentmem export --scope /user/alice | jq .content
    """
    target: Any = EscapedStdout() if file == "-" else file
    with progress_bar("exporting", "records") as progress, open_store(path) as store:
        written = store.export(
            target, progress, skip_damaged=skip_damaged, journals=journals, history=history, **filters
        )
    if file == "-":
        return
    if as_json:
        print_json({"path": file, "lines" if journals else "records": written})
    else:
        say(f"wrote {f'{written:,} lines' if journals else counted(written)} to {file}")
