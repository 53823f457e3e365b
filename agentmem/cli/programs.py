"""Commands that read or write the files of other programs: the first argument may name a program."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem


class WithPrograms(click.Command):
    """A command whose first argument may be the name of a program, which has a command of its own."""

    def __init__(self, *args: Any, programs: list[click.Command], **kwargs: Any) -> None:
        """Take the commands of the programs."""
        super().__init__(*args, **kwargs)
        self.programs = {str(program.name): program for program in programs}

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments, of the program's command if the first one names it."""
        if args and (program := self.programs.get(args[0])):
            return program.make_context(f"{info_name} {program.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the programs."""
        with formatter.section("Programs"):
            rows = [(name, program.get_short_help_str()) for name, program in self.programs.items()]
            formatter.write_dl(rows)


def program_or_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the shell offers for the first argument: programs, or files if no program begins so."""
    programs = ctx.command.programs if isinstance(ctx.command, WithPrograms) else {}
    names = [CompletionItem(name) for name in programs if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]
