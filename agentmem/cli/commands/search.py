"""`agentmem search`: find the records that are relevant to a query."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import click

from agentmem._excerpt import excerpt
from agentmem._matching_words import terms_of
from agentmem.cli.options import (
    filter_options,
    json_option,
    limit_option,
    open_store,
    path_option,
    text_argument,
)
from agentmem.cli.output import hit_fields, marks_words, print_json, print_rows, score_cell
from agentmem.types import Explanation, Hit


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
@click.option("--min-score", type=float, default=0.0, help="Leave out hits with a lower score; try 0.5.")
@click.option("--why", is_flag=True, help="Say which words made each record a hit, and how much.")
@click.option("--explain", is_flag=True, help="Show the numbers behind each score.")
@filter_options
@json_option
def command(
    path: str,
    query: str,
    limit: int,
    mode: Any,
    min_score: float,
    why: bool,
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
    agentmem search - --min-score 0.5 --json < task.txt
    """
    asked = text_argument(query)
    with open_store(path) as store:
        hits = store.search(asked, limit, mode=mode, min_score=min_score, **filters)
        reasons = [
            store.explain(asked, hit.record.id, limit, mode=mode, min_score=min_score, **filters)
            for hit in hits
            if not as_json and (why or marks_words())
        ]
    if as_json:
        print_json([hit_fields(hit) for hit in hits])
        return
    rows = [[score_cell(hit.score), hit.record.id, hit.record.scope, _shown(hit)] for hit in hits]
    added = {"why": why, "explain": explain}
    for row, hit, reason in zip_longest(rows, hits, reasons):
        row += [_words(reason)] if why else []
        row += [" ".join(f"{name}={value:.3f}" for name, value in hit.explain.items())] if explain else []
    below = [name for name, wanted in added.items() if wanted]
    print_rows(
        ["score", "id", "scope", "content", *below],
        rows,
        "nothing relevant was found",
        below=below,
        marked=[terms_of(reason.words) for reason in reasons],
    )


def _words(reason: Explanation) -> str:
    """The words that count, heaviest first, with their weights."""
    return ", ".join(f"{word} {weight:.2f}" for word, weight in reason.words.items()) or reason.reason


def _shown(hit: Hit) -> str:
    """The content, or of a long one the passage that decided, with an ellipsis for what is left out."""
    content = hit.record.content
    return content if hit.passage is None else excerpt(content, *hit.passage)
