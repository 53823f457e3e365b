"""`agentmem import PROGRAM` for the programs of `agentmem.importers.programs`: one command each."""

from __future__ import annotations

import click

from agentmem.cli.importing import import_options, run_import
from agentmem.importers.programs import PROGRAMS, import_program


def _command(program: str) -> click.Command:
    """The command of a program."""

    @click.command(program, help=_help(program))
    @click.argument("place", metavar="[PATH]", required=False)
    @click.option("--replace", is_flag=True, help="Replace records that have changed there since.")
    @import_options
    def command(path: str, place: str | None, replace: bool, dry_run: bool, as_json: bool) -> None:
        run_import(
            path,
            dry_run,
            as_json,
            lambda store, progress: import_program(
                store, program, place, dry_run=dry_run, progress=progress, replace=replace
            ),
        )

    return command


def _help(program: str) -> str:
    return f"""Import {PROGRAMS[program]}.

    Nothing is changed there. What was imported before is skipped. What cannot be read is counted.

    \b
    agentmem import {program} PATH --dry-run
    """


commands = [_command(program) for program in PROGRAMS]
