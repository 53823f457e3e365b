"""Browse: all records by scope, time and filters, in pages."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from agentmem import AgentMemError
from agentmem.inspect.calls import call
from agentmem.inspect.failures import failure_of
from agentmem.inspect.filter_form import FilterForm
from agentmem.inspect.page import Page
from agentmem.inspect.paging import SIZE, page
from agentmem.inspect.scope_tree import scope_tree
from agentmem.inspect.screen import Screen
from agentmem.inspect.timeline import Span, timeline
from agentmem.inspect.visit import Visit

ORDERS = {"newest": "created, newest first", "oldest": "created, oldest first"}
ORDERS |= {"updated": "written, last first", "written": "written, first first"}


def show(visit: Visit) -> Page:
    """List a page of records."""
    filters = FilterForm.read(visit.query)
    data: dict[str, Any] = {
        "filters": filters,
        "order": visit.query.get("order", "newest"),
        "orders": ORDERS,
        "records": [],
        "next": None,
        "fallen_back": None,
        "count": 0,
        "tree": None,
        "span": None,
        "timeline": [],
        "failure": None,
        "call": None,
        "categories": visit.inspector.categories.get(),
        "scopes": visit.store.scopes(recursive=True, limit=100, **visit.viewer),
    }
    try:
        data |= _found(visit, filters, data["order"])
    except AgentMemError as error:
        data["failure"] = failure_of(error).fields()
    return Page("browse", "Browse", data, data["failure"]["status"] if data["failure"] else 200)


def _found(visit: Visit, filters: FilterForm, order: str) -> dict[str, Any]:
    store, viewer, fallen_back = visit.store, visit.viewer, None
    count = store.count(**filters.arguments(), **viewer)
    while not count and filters.scope.strip("/"):
        fallen_back = fallen_back or filters.scope
        filters = replace(filters, scope=filters.scope.rstrip("/").rpartition("/")[0] or "/")
        count = store.count(**filters.arguments(), **viewer)
    arguments = filters.arguments()
    records, following = page(partial(store.list, **arguments, **viewer), order, visit.query)
    span = Span.of(store, arguments, viewer)
    ordered = {} if order == "newest" else {"order": order}
    again = call(store.path, "list", command="list", limit=SIZE, **ordered, **arguments, viewer=viewer)
    return {
        "filters": filters,
        "fallen_back": fallen_back,
        "count": count,
        "records": records,
        "next": following,
        "tree": scope_tree(store, filters.scope or "/", viewer),
        "span": span,
        "timeline": timeline(store, span, arguments, viewer) if span else [],
        "call": again,
    }


SCREENS = [Screen("/browse", show)]
