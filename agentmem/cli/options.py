"""Options that several commands share, and the arguments behind them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

import click

import agentmem
from agentmem.cli.group import Failure
from agentmem.cli.output import shortened
from agentmem.cli.terminal import one_line
from agentmem.store.path import DEFAULT_PATH, PATH_VARIABLE, is_url, refuse_other_urls

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Integer(click.IntRange):
    """An integer in a range. Click's own calls itself "integer range", also where it says what is none."""

    name = "integer"


class Number(click.FloatRange):
    """A number in a range."""

    name = "number"


FILE = click.Path(readable=False)
"""A file, which shells complete. Whether it can be used is found out by using it."""


def path_option(command: _Command) -> _Command:
    """Add --path: which store the command works on."""
    return click.option(
        "--path",
        "-p",
        type=FILE,
        default=DEFAULT_PATH,
        envvar=PATH_VARIABLE,
        show_default=f"${PATH_VARIABLE}, else {DEFAULT_PATH}",
        help="The store's file or URL.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
scope_option = click.option("--scope", "-s", help="Only if it is in this scope or below.")
space_option = click.option("--scope", "-s", help="In PostgreSQL: only the space that holds this scope.")
source_option = click.option("--source", help="Include the private records of this source.")
include_private_option = click.option("--include-private", is_flag=True, help="Include all private records.")


def json_object(ctx: click.Context, param: click.Parameter, text: str | None) -> dict[str, Any] | None:
    """Parse the value of an option as a JSON object."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{shortened(text)!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.BadParameter(
            f"{shortened(text)!r} is not a JSON object; write it like '{{\"year\": 2024}}'"
        )
    return value


def filter_options(command: _Command) -> _Command:
    """Add the filters that all reads take."""
    options = [
        click.option("--scope", "-s", help="Only this scope and the scopes below, such as /user/alice."),
        click.option("--category", "-c", "categories", multiple=True, help="Only this category; repeatable."),
        click.option(
            "--where",
            "-w",
            metavar="JSON",
            callback=json_object,
            help="""Only this metadata: '{"topic": "x", "year": {"$gte": 2024}}'.""",
        ),
        click.option(
            "--since", metavar="DATE", help="Only created at or after: 2024-05-01, 2024-05-01T12:30Z."
        ),
        click.option("--until", metavar="DATE", help="Only created before."),
        source_option,
        include_private_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def limit_option(default: int) -> Callable[[_Command], _Command]:
    """Add --limit with this default."""
    return click.option(
        "--limit",
        "-n",
        type=Integer(0),
        default=default,
        show_default=True,
        help="Print at most this many.",
    )


def standard_input() -> TextIO:
    """Stdin, which a process may lack."""
    if sys.stdin is None:
        raise Failure("there is no standard input to read")
    return sys.stdin


def text_argument(text: str) -> str:
    """The argument, or for "-" what stdin holds, without its last newline."""
    if text != "-":
        return text
    stdin = standard_input()
    try:
        return stdin.read().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise Failure(f"standard input is not text in {stdin.encoding}: {error}") from error


def confirm(question: str) -> None:
    """Ask on stderr; end the command unless the answer is yes."""
    standard_input()
    click.confirm(one_line(question), abort=True, err=True)


def may_exist(path: str) -> bool:
    """Whether there can be a store: only opening it can tell, in a database and where one may not look."""
    if is_url(path):
        return True
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True


def existing(path: str) -> str:
    """The path of --path, where a store must be."""
    refuse_other_urls(path)
    if not may_exist(path):
        raise Failure(
            f"there is no store at {path!r}; name one with --path, or create one with `agentmem add`"
        )
    return path


def open_store(path: str, *, create: bool = False, busy_timeout: float = 30.0) -> agentmem.MemoryStore:
    """Open the store of --path; only with `create` is a missing file made.

    A store that cannot be written is opened read-only, so that it can be read. Writes to it then fail.
    """
    if not create:
        existing(path)
    try:
        return agentmem.open(path, busy_timeout=busy_timeout)
    except agentmem.StoreReadOnlyError:
        return agentmem.open(path, read_only=True, busy_timeout=busy_timeout)
