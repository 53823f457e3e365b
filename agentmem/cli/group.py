"""The group of commands: the order of the help page, and how errors end a command."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any

import click

import agentmem
from agentmem.cli.terminal import one_line


class Failure(click.ClickException):
    """Ends the command with exit code 1 and one line on stderr."""

    def __init__(self, message: object) -> None:
        """Take the message, or the exception that has it."""
        super().__init__(one_line(_plain(message) if isinstance(message, OSError) else str(message)))


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

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments of the group, or print its help."""
        with _failures():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _failures():
            return super().invoke(ctx)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("stopped; the store is intact") from None
    except BrokenPipeError:
        raise
    except (agentmem.AgentMemError, OSError) as error:
        raise Failure(error) from error


def _plain(error: OSError) -> str:
    """What the system says, without its number. Of a file whose folder is missing, it names the folder."""
    if not error.strerror:
        return str(error)
    if not error.filename:
        return error.strerror
    path = os.fsdecode(error.filename)
    folder = os.path.dirname(os.path.abspath(path))
    if error.errno == errno.ENOENT and not os.path.exists(folder):
        return f"there is no folder {folder!r}"
    return f"{path!r}: {error.strerror}"
