"""`agentmem dedupe`: find records that say the same."""

from __future__ import annotations

from typing import Any

import click

from agentmem.cli.options import (
    Number,
    confirm,
    filter_options,
    json_option,
    limit_option,
    open_store,
    path_option,
    yes_option,
)
from agentmem.cli.output import counted, local_time, print_json, print_rows, record_fields, say
from agentmem.store.path import shown


@click.command("dedupe")
@path_option
@click.option(
    "--min-score",
    type=Number(0, 1),
    default=1.0,
    show_default=True,
    help="1: the same text; below: texts whose TF-IDF cosine is at least this.",
)
@limit_option(100)
@filter_options
@click.option("--delete", is_flag=True, help="Delete all but the oldest record of each group.")
@yes_option
@json_option
def command(
    path: str, min_score: float, limit: int, delete: bool, yes: bool, as_json: bool, **filters: Any
) -> None:
    """Print groups of records of one scope that say the same, the oldest of each group first.

    \b
    agentmem dedupe
    agentmem dedupe --min-score 0.9 --scope /user
    agentmem dedupe --delete --limit 1000
    """
    with open_store(path) as store:
        groups = store.duplicates(min_score, limit, **filters)
        if delete:
            later = [record.id for group in groups for record in group[1:]]
            if later and not yes:
                confirm(f"Delete {counted(len(later))} from {shown(path)}?")
            deleted = store.delete(later)
            print_json({"deleted": deleted}) if as_json else say(f"deleted {counted(deleted)}")
            return
    if as_json:
        print_json([[record_fields(record) for record in group] for group in groups])
        return
    rows = [
        [str(number), local_time(record.created_at), record.id, record.scope, record.content]
        for number, group in enumerate(groups, 1)
        for record in group
    ]
    print_rows(["group", "created", "id", "scope", "content"], rows, "there are no duplicates")
