"""`agentmem inspect`: look into a store with a browser."""

from __future__ import annotations

import contextlib
import os
import sys

import click

import agentmem
from agentmem.cli.group import Failure
from agentmem.cli.options import (
    Integer,
    existing,
    include_private_option,
    open_store,
    path_option,
    source_option,
)
from agentmem.cli.output import say


@click.command("inspect")
@path_option
@click.option("--port", type=Integer(0, 65535), default=0, help="The port; by default a free one.")
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
@click.option("--read-only", is_flag=True, help="Allow nothing that writes.")
@source_option
@include_private_option
def command(
    path: str, port: int, no_open: bool, read_only: bool, source: str | None, include_private: bool
) -> None:
    """Search, browse, edit and watch a store in a browser, on this machine alone.

    It prints an address that admits one browser, once. Private records are hidden unless you ask for them.
    From another machine: ssh -L PORT:127.0.0.1:PORT host, with the same --port on both ends.

    It needs pip install 'agentmem-db[inspect]'.
    """
    existing(path)
    try:
        from agentmem.inspect import require_extra

        require_extra()
        from agentmem.inspect.serve import serve
    except ImportError as error:
        raise Failure(error) from error
    opened = agentmem.open(path, read_only=True) if read_only else open_store(path)
    with opened as store, contextlib.suppress(KeyboardInterrupt):  # this is how it ends
        serve(
            store,
            say=say,
            port=port,
            browser=not no_open and _has_display(),
            source=source,
            include_private=include_private,
            read_only=read_only,
        )


def _has_display() -> bool:
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
