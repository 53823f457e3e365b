"""`agentmem import`: read records from a file, or from the files of another program."""

from __future__ import annotations

import os
from typing import Any

import click

from agentmem import MemoryStore
from agentmem.cli.commands import import_crewai, import_langgraph, import_mcp, import_program
from agentmem.cli.group import Failure, Stopped
from agentmem.cli.options import json_option, open_store, path_option, standard_input
from agentmem.cli.output import counted, print_json, say
from agentmem.cli.programs import WithPrograms, program_or_file
from agentmem.cli.progress import progress_bar
from agentmem.errors import AgentMemError, DuplicateIdError
from agentmem.types import Imported, OnConflict

PROGRAMS = [
    *import_program.commands,
    import_langgraph.command,
    import_mcp.command,
    import_crewai.command,
]


@click.command("import", cls=WithPrograms, programs=PROGRAMS)
@click.argument("source", shell_complete=program_or_file)
@path_option
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "replace", "fail"]),
    default="skip",
    show_default=True,
    help="What to do with a record whose id is in use.",
)
@json_option
def command(path: str, source: str, on_conflict: Any, as_json: bool) -> None:
    """Import records from SOURCE: a file with one JSON object a line, or - for stdin.

    `import PROGRAM` imports what another program left on disk; `import PROGRAM --help` says what and how.

    \b
    agentmem import memories.jsonl
    agentmem export --path a.db | agentmem import - --path b.db
    agentmem import chatgpt export.zip --dry-run
    """
    if source != "-" and not os.path.exists(source):
        raise Failure(f"there is no file {source!r}")
    if os.path.isdir(source):
        raise Failure(f"{source!r} is a folder; name a file, or a program whose files are in it")
    with open_store(path, create=True) as store:
        imported = _import(store, source, on_conflict)
    if as_json:
        print_json(imported.to_dict())
    else:
        say(f"imported {counted(imported.written)}, skipped {imported.skipped:,}")


def _import(store: MemoryStore, source: str, on_conflict: OnConflict) -> Imported:
    """Import the lines of SOURCE; an error says how many records were added before it."""
    lines: Any = standard_input().buffer if source == "-" else source
    total = _line_count(source) if os.path.isfile(source) else 0
    before = store.count(include_private=True)
    try:
        with progress_bar("importing", "lines", total) as progress:
            return store.import_(lines, on_conflict, progress)
    except Stopped as stopped:
        raise Stopped(f"{stopped.message}; {_added(store, before)}") from None
    except (AgentMemError, OSError) as error:
        message = Failure(error).message
        if isinstance(error, DuplicateIdError):
            message = f"a record with id {error.id!r} exists already; pass --on-conflict skip or replace"
        raise Failure(f"{message}; {_added(store, before)}") from error


def _added(store: MemoryStore, before: int) -> str:
    added = store.count(include_private=True) - before
    if added <= 0:
        return "no records were added"
    stay = "was added and stays" if added == 1 else "were added and stay"
    return f"{counted(added)} {stay}; to continue, import again with --on-conflict skip"


def _line_count(path: str) -> int:
    """The number of lines in a file, for the progress bar."""
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
