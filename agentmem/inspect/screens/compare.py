"""Compare: two searches beside each other, and what moved between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agentmem import AgentMemError, Hit
from agentmem.inspect.calls import call
from agentmem.inspect.failures import failure_of
from agentmem.inspect.overlap import overlap_at, rank_biased_overlap
from agentmem.inspect.page import Page
from agentmem.inspect.screen import Screen
from agentmem.inspect.search_form import MODES, SearchForm
from agentmem.inspect.visit import Visit
from agentmem.inspect.why import Why, why

LEFT, RIGHT = "a_", "b_"


def show(visit: Visit) -> Page:
    """Search twice. Without a second search, it is the first one in mode "bm25"."""
    left = SearchForm.read(visit.query, LEFT)
    given = any(name.startswith(RIGHT) for name, _ in visit.query.pairs)
    right = SearchForm.read(visit.query, RIGHT) if given else replace(left, mode="bm25")
    id = visit.query.get("why")
    sides = {
        "left": _side(visit, left, LEFT, id),
        "right": _side(visit, right, RIGHT, id),
    }
    first, second = ([hit.record.id for hit in side["hits"]] for side in sides.values())
    data = {
        **sides,
        "lines": _lines(first, second),
        "overlap": overlap_at(first, second, 10),
        "rank_biased_overlap": rank_biased_overlap(first, second),
        "why": id,
        "modes": MODES,
        "categories": visit.inspector.categories.get(),
        "scopes": visit.store.scopes(recursive=True, limit=100, **visit.viewer),
        "call": None
        if not left.q or sides["left"]["failure"]
        else call(
            visit.store.path, "search", left.q, command="search", **left.arguments(), viewer=visit.viewer
        ),
    }
    failures = [side["failure"] for side in sides.values() if side["failure"]]
    return Page("compare", "Compare", data, failures[0]["status"] if failures else 200)


def _side(visit: Visit, form: SearchForm, prefix: str, id: str) -> dict[str, Any]:
    hits: list[Hit] = []
    failure: dict[str, object] | None = None
    explained: Why | None = None
    try:
        if form.q.strip():
            hits = visit.store.search(form.q, **form.arguments(), **visit.viewer)
            explained = why(visit, form, id) if id else None
    except AgentMemError as error:
        failure = failure_of(error).fields()
    return {"form": form, "prefix": prefix, "hits": hits, "failure": failure, "why": explained}


def _lines(left: Sequence[str], right: Sequence[str]) -> list[dict[str, int]]:
    """The places, from 1, of the records that both sides have."""
    places = {id: at for at, id in enumerate(right, 1)}
    return [{"left": at, "right": places[id]} for at, id in enumerate(left, 1) if id in places]


SCREENS = [Screen("/compare", show)]
