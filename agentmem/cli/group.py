"""The group of commands: the order of the help page, and how errors end a command."""

from __future__ import annotations

from typing import Any

import click

import agentmem
from agentmem.cli.terminal import one_line


class Failure(click.ClickException):
    """Ends the command with exit code 1 and one line on stderr."""

    def __init__(self, message: object) -> None:
        """Take the message, or the exception that has it."""
        super().__init__(one_line(str(message)))


class Stopped(Failure):
    """Ends the command after Ctrl-C, with the exit code of a shell for it."""

    exit_code = 130


class CommandGroup(click.Group):
    """Commands that are listed in the order of their registration.

    An error of agentmem or of the file system becomes one line on stderr.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of registration, not sorted."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Stopped("stopped; the store is intact") from None
        except BrokenPipeError:
            raise
        except (agentmem.AgentMemError, OSError) as error:
            raise Failure(error) from error
