"""`agentmem import PROGRAM` for the programs of `agentmem.importers.programs`: one command each."""

from __future__ import annotations

import click

from agentmem import MemoryStore
from agentmem.cli.importing import program_command
from agentmem.importers import Report
from agentmem.importers.programs import PROGRAMS, import_program
from agentmem.types import Progress


def _command(program: str) -> click.Command:
    def read(
        store: MemoryStore, place: str | None, dry_run: bool, progress: Progress, replace: bool
    ) -> Report:
        return import_program(store, program, place, dry_run=dry_run, progress=progress, replace=replace)

    return program_command(program, *PROGRAMS[program], read)


commands = [_command(program) for program in PROGRAMS]
