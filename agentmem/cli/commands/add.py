"""`agentmem add`: store a record."""

from __future__ import annotations

from typing import Any

import click

from agentmem.cli.group import Failure
from agentmem.cli.options import json_object, json_option, open_store, path_option, text_argument
from agentmem.cli.output import print_json, say
from agentmem.errors import DuplicateIdError
from agentmem.types import Record


@click.command("add")
@click.argument("content")
@path_option
@click.option("--scope", "-s", default="/", show_default=True, help="The scope, such as /user/alice.")
@click.option("--category", "-c", "categories", multiple=True, help="A category; repeatable.")
@click.option(
    "--metadata", "-m", metavar="JSON", callback=json_object, help="""An object: '{"topic": "contact"}'."""
)
@click.option("--importance", type=float, default=0.5, show_default=True, help="From 0 to 1.")
@click.option("--source", help="Who or what the record comes from.")
@click.option("--private", is_flag=True, help="Show the record only to the same --source.")
@click.option("--created-at", metavar="DATE", help="When it was created, if not now.")
@click.option("--ttl", type=float, metavar="SECONDS", help="When it expires, in seconds from now.")
@click.option("--id", help="The id; without this option, a new UUID.")
@click.option("--replace", is_flag=True, help="Replace the record that has the id, if there is one.")
@json_option
def command(path: str, content: str, replace: bool, ttl: float | None, as_json: bool, **fields: Any) -> None:
    """Store CONTENT as a record and print its id. If CONTENT is -, it is read from stdin.

    \b
    agentmem add "Alice prefers email over phone." --scope /user/alice --category preference
    agentmem add "The code is 1234." --ttl 3600
    agentmem add "Invoice 7 is paid." --metadata '{"invoice": 7}' --importance 0.8
    git log -1 | agentmem add - --scope /repo
    """
    content = text_argument(content)
    Record(content, **fields)  # raises an error before a store is made
    with open_store(path, create=True) as store:
        try:
            id = (store.put if replace else store.add)(content, ttl=ttl, **fields)
        except DuplicateIdError as error:
            raise Failure(
                f"a record with id {error.id!r} exists already; pass --replace to replace it"
            ) from error
    print_json({"id": id}) if as_json else say(id)
