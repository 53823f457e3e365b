"""`agentmem search`: find the records that are relevant to a query."""

from __future__ import annotations

from typing import Any

import click

from agentmem.cli.options import (
    filter_options,
    json_option,
    limit_option,
    open_store,
    path_option,
    text_argument,
)
from agentmem.cli.output import hit_fields, print_json, print_rows
from agentmem.types import Hit


@click.command("search")
@click.argument("query")
@path_option
@limit_option(10)
@click.option(
    "--mode",
    type=click.Choice(["hybrid", "bm25", "tfidf"]),
    default="hybrid",
    show_default=True,
    help="How records are ranked.",
)
@click.option("--min-score", type=float, default=0.0, help="Leave out hits with a lower score; try 0.6.")
@click.option("--explain", is_flag=True, help="Show the numbers behind each score.")
@filter_options
@json_option
def command(
    path: str,
    query: str,
    limit: int,
    mode: Any,
    min_score: float,
    explain: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Print the records that are relevant to QUERY, best first. If QUERY is -, it is read from stdin.

    Any text is a query: a question, keywords, or a whole task. Nothing in it is syntax.

    Of a long record the passage that decided is printed. --json prints all of it, with the passage as the
    characters where it starts and ends.

    \b
    agentmem search "how do I reach alice?"
    agentmem search invoices --scope /billing --where '{"year": {"$gte": 2024}}' --limit 3
    agentmem search - --min-score 0.6 --json < task.txt
    """
    with open_store(path) as store:
        hits = store.search(text_argument(query), limit, mode=mode, min_score=min_score, **filters)
    if as_json:
        print_json([hit_fields(hit) for hit in hits])
        return
    headings = ["score", "id", "scope", "content"] + (["explain"] if explain else [])
    print_rows(headings, [_row(hit, explain) for hit in hits], "nothing relevant was found")


def _row(hit: Hit, explain: bool) -> list[str]:
    row = [f"{hit.score:.3f}", hit.record.id, hit.record.scope, _shown(hit)]
    return [*row, " ".join(f"{name}={value:.3f}" for name, value in hit.explain.items())] if explain else row


def _shown(hit: Hit) -> str:
    """The content, or of a long one the passage that decided, with an ellipsis for what is left out."""
    content = hit.record.content
    if hit.passage is None:
        return content
    start, end = hit.passage
    return f"{'… ' if start else ''}{content[start:end]}{' …' if end < len(content) else ''}"
