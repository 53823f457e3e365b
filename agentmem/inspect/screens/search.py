"""Search: the hits of a query, why each is one, and why another record is none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agentmem import AgentMemError, Hit
from agentmem._matching_words import terms_of
from agentmem.inspect.calls import call
from agentmem.inspect.failures import failure_of
from agentmem.inspect.filter_form import FilterForm
from agentmem.inspect.page import Page
from agentmem.inspect.screen import Screen
from agentmem.inspect.search_form import MODES, SearchForm
from agentmem.inspect.visit import Visit
from agentmem.inspect.why import why

PROBABLE = 0.5
"""Hits with a higher score are more probably relevant than not."""

_EXPLAINED = 3


def show(visit: Visit) -> Page:
    """Search, or list the newest records if there is no query."""
    form = SearchForm.read(visit.query)
    data: dict[str, Any] = {
        "form": form,
        "hits": [],
        "newest": [],
        "terms": frozenset(),
        "why": None,
        "counts": None,
        "without": [],
        "nearest": [],
        "milliseconds": None,
        "failure": None,
        "labels": {},
        "call": None,
        "modes": MODES,
        "categories": visit.inspector.categories.get(),
        "scopes": visit.store.scopes(recursive=True, limit=100, **visit.viewer),
    }
    try:
        data |= _found(visit, form)
    except AgentMemError as error:
        data["failure"] = failure_of(error).fields()
    title = f"{form.q[:60]} · Search" if form.q else "Search"
    return Page("search", title, data, data["failure"]["status"] if data["failure"] else 200)


def _found(visit: Visit, form: SearchForm) -> dict[str, Any]:
    arguments = form.arguments()
    if not form.q.strip():
        filters = form.filters.arguments()
        limit = arguments.get("limit", 10)
        newest = visit.store.list(limit, **filters, **visit.viewer)
        again = call(visit.store.path, "list", command="list", limit=limit, **filters, viewer=visit.viewer)
        return {"newest": newest, "call": again}
    start = time.perf_counter()
    hits = visit.store.search(form.q, **arguments, **visit.viewer)
    milliseconds = 1000 * (time.perf_counter() - start)
    visit.inspector.searches.remember(form.q, form.pairs(), [hit.record.id for hit in hits])
    above = sum(hit.score >= PROBABLE for hit in hits)
    id = visit.query.get("why")
    return {
        "hits": hits,
        "labels": visit.inspector.labels.of(form.q),
        "terms": _matched(visit, form, hits),
        "why": why(visit, form, id) if id else None,
        "counts": {"above": above, "below": len(hits) - above} if form.is_probability else None,
        "without": [] if hits else _without_each_filter(visit, form),
        "nearest": [] if hits else _below_the_threshold(visit, form),
        "milliseconds": milliseconds,
        "call": call(visit.store.path, "search", form.q, command="search", **arguments, viewer=visit.viewer),
    }


def _matched(visit: Visit, form: SearchForm, hits: Sequence[Hit]) -> frozenset[str]:
    """The terms of the words that the best hits were found by."""
    arguments = {**form.arguments(), **visit.viewer}
    explained = (visit.store.explain(form.q, hit.record.id, **arguments) for hit in hits[:_EXPLAINED])
    return terms_of(word for explanation in explained for word in explanation.words)


def _without_each_filter(visit: Visit, form: SearchForm) -> list[dict[str, Any]]:
    """For each filter, how many hits there are without it, if there are any."""
    found = []
    for name in ("scope", "category", "where", "since", "until"):
        value = getattr(form.filters, name)
        if value:
            wider = replace(form, filters=replace(form.filters, **{name: getattr(FilterForm, name)}))
            count = len(visit.store.search(form.q, **wider.arguments(), **visit.viewer))
            if count:
                shown = ", ".join(value) if isinstance(value, tuple) else value
                found.append({"filter": name, "value": shown, "hits": count, "pairs": wider.pairs()})
    return found


def _below_the_threshold(visit: Visit, form: SearchForm) -> list[Hit]:
    """The best hits that the least score leaves out."""
    if form.min_score == SearchForm.min_score:
        return []
    arguments = replace(form, min_score=SearchForm.min_score).arguments()
    return visit.store.search(form.q, **{**arguments, "limit": 3}, **visit.viewer)


SCREENS = [Screen("/search", show)]
