"""The command line: `agentmem`, or `python -m agentmem`.

Each command is a module in `commands`. The modules beside this one are what commands share.
"""

from __future__ import annotations

import io
import sys

import click

import agentmem
from agentmem.cli.commands import (
    add,
    backup,
    completion,
    dedupe,
    delete,
    demo,
    embed,
    export,
    get,
    history,
    hook,
    import_,
    inspect,
    journal,
    journals,
    list_,
    mcp,
    migrate,
    purge,
    rebuild,
    reset,
    runs,
    search,
    stats,
    verify,
)
from agentmem.cli.group import CommandGroup

__all__ = ["cli", "main"]


@click.group(
    cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(agentmem.__version__, prog_name="agentmem")
def cli() -> None:
    """Memory for agents, in one SQLite file.

    \b
    Try it; this needs no setup:
      agentmem demo
    \b
    Then store records of your own:
      agentmem add "Alice prefers email over phone." --scope /user/alice
      agentmem search "how do I reach alice?"
    \b
    The file is --path, else $AGENTMEM_PATH, else ./agentmem.db.

    Control characters in records are printed as escapes such as \\u001b. Use --json for the exact text.
    """


for _module in (
    demo,
    add,
    search,
    get,
    list_,
    history,
    delete,
    dedupe,
    purge,
    reset,
    journals,
    journal,
    runs,
    mcp,
    stats,
    verify,
    inspect,
    rebuild,
    embed,
    migrate,
    backup,
    export,
    import_,
    hook,
    completion,
):
    cli.add_command(_module.command)


def main(prog_name: str = "agentmem") -> None:
    """Run the command line and exit."""
    if sys.stdout is None:
        click.echo("Error: there is no standard output to write to", err=True)
        sys.exit(1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal's encoding lacks must not end the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    cli(prog_name=prog_name)
