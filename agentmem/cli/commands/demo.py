"""`agentmem demo`: store a conversation and search it."""

from __future__ import annotations

import os

import click

from agentmem.cli.group import Failure
from agentmem.cli.options import json_option


@click.command("demo")
@click.option("--path", "-p", type=click.Path(), help="Keep the store, in this new file.")
@json_option
def command(path: str | None, as_json: bool) -> None:
    """Store a real conversation, and search it from a second process.

    Takes seconds, needs no key and no network, and leaves nothing behind unless --path is given.
    """
    from agentmem.demo import run

    if path is not None and os.path.exists(path):
        raise Failure(f"{path!r} exists; name a new file")
    run(path, as_json)
