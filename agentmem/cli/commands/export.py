"""`agentmem export`: write records as JSON lines."""

from __future__ import annotations

from typing import Any

import click

from agentmem.cli.options import filter_options, json_option, open_store, path_option
from agentmem.cli.output import counted, print_json, say
from agentmem.cli.progress import progress_bar
from agentmem.cli.terminal import EscapedStdout


@click.command("export")
@click.argument("file", default="-")
@path_option
@filter_options
@click.option("--skip-damaged", is_flag=True, help="Leave out damaged records.")
@json_option
def command(path: str, file: str, skip_damaged: bool, as_json: bool, **filters: Any) -> None:
    """Write records to FILE or stdout, as one JSON object a line.

    Private records are left out unless --include-private is given. With --json, the number of records that
    went into FILE is printed as JSON.

    \b
    agentmem export memories.jsonl --include-private
    agentmem export --scope /user/alice | jq .content
    """
    target: Any = EscapedStdout() if file == "-" else file
    with progress_bar("exporting", "records") as progress, open_store(path) as store:
        written = store.export(target, progress, skip_damaged=skip_damaged, **filters)
    if file == "-":
        return
    print_json({"path": file, "records": written}) if as_json else say(f"wrote {counted(written)} to {file}")
