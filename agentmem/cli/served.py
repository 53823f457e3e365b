"""The store that MCP servers serve: where it is unless a path is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agentmem.cli.options import FILE
from agentmem.store.path import PATH_VARIABLE, is_url, refuse_other_urls

SERVED_PATH = "~/.local/share/agentmem/memory.db"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def served_path_option(command: _Command) -> _Command:
    """Add --path, which is None if neither it nor the variable is given."""
    return click.option(
        "--path",
        "-p",
        type=FILE,
        envvar=PATH_VARIABLE,
        show_default=f"${PATH_VARIABLE}, else {SERVED_PATH}",
        help="The store's file or URL.",
    )(command)


def served_path(path: str | None, *, create: bool = False) -> str:
    """The path or URL of the store; with `create`, the folder of a file is made."""
    if path is not None and is_url(path):
        return path
    refuse_other_urls(path or SERVED_PATH)
    file = Path(path or SERVED_PATH).expanduser()
    if create:
        file.parent.mkdir(parents=True, exist_ok=True)
    return str(file)
