"""`agentmem embed`: add vectors to records that have none."""

from __future__ import annotations

import importlib
from typing import Any

import click

import agentmem
from agentmem.cli.group import Failure
from agentmem.cli.options import Integer, existing, json_option, path_option
from agentmem.cli.output import counted, print_json, say
from agentmem.cli.progress import progress_bar


@click.command("embed")
@path_option
@click.option(
    "--embedder",
    metavar="NAME",
    default="minilm",
    show_default=True,
    help="minilm, or an embedder of your own as module:name.",
)
@click.option("--limit", "-n", type=Integer(0), help="Add at most this many.")
@click.option("--scope", "-s", help="In PostgreSQL: only to the space that holds this scope.")
@json_option
def command(path: str, embedder: str, limit: int | None, scope: str | None, as_json: bool) -> None:
    """Add vectors to the records that have none, so that searches with this embedder find them by meaning.

    The store may be in use. After Ctrl-C the vectors stay; run it again to continue.

    \b
    pip install "agentmem-db[semantic]"
    agentmem embed
    """
    with _opened(existing(path), embedder) as store, progress_bar("embedding", "records") as progress:
        try:
            embedded = store.embed_missing(limit, progress, scope=scope)
        except agentmem.AgentMemError:
            raise
        except Exception as error:  # an embedder of one's own may raise anything
            raise Failure(f"the embedder failed: {type(error).__name__}: {error}") from error
    print_json({"embedded": embedded}) if as_json else say(f"added vectors to {counted(embedded)}")


def _opened(path: str, embedder: str) -> agentmem.MemoryStore:
    """The store with the embedder of --embedder."""
    module, colon, name = embedder.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name) if colon else embedder
        return agentmem.open(path, embedder=found)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise Failure(error) from error
