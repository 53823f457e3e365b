"""Browse: all records by scope, time and filters, in pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from agentmem import AgentMemError, Record
from agentmem.inspect.calls import call
from agentmem.inspect.failures import failure_of
from agentmem.inspect.filter_form import FilterForm
from agentmem.inspect.page import Page
from agentmem.inspect.scope_tree import scope_tree
from agentmem.inspect.screen import Screen
from agentmem.inspect.timeline import Span, timeline
from agentmem.inspect.visit import Visit
from agentmem.types import Order

ORDERS = {"newest": "created, newest first", "oldest": "created, oldest first"}
ORDERS |= {"updated": "written, last first", "written": "written, first first"}
PAGE = 50

_MICROSECOND = timedelta(microseconds=1)


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
    records, following = _page(visit, arguments, order)
    span = Span.of(store, arguments, viewer)
    ordered = {} if order == "newest" else {"order": order}
    again = call(store.path, "list", command="list", limit=PAGE, **ordered, **arguments, viewer=viewer)
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


def _page(visit: Visit, arguments: dict[str, Any], order: str) -> tuple[list[Record], dict[str, Any] | None]:
    """The records of the page, and the fields of the address of the next one.

    A page begins behind a version or at a moment, so that each costs the same. Of the moment where it begins,
    it leaves out what the page before had.
    """
    start, skip = visit.query.get("page"), visit.query.get("skip")
    skipped = int(skip) if skip.isdecimal() else 0
    after = int(start) if order == "written" and start.isdecimal() else None
    bound = {"newest": "until", "oldest": "since"}.get(order)
    if bound and start:
        arguments = {**arguments, bound: start}
    found = visit.store.list(
        PAGE + 1, skipped, order=cast("Order", order), after=after, **arguments, **visit.viewer
    )
    records = found[:PAGE]
    if len(found) <= PAGE:
        return records, None
    last = records[-1]
    if order == "written":
        return records, {"page": last.version, "skip": None}
    if order == "updated":
        return records, {"page": None, "skip": skipped + PAGE}
    moment = last.created_at + (_MICROSECOND if order == "newest" else timedelta())
    same = sum(record.created_at == last.created_at for record in records)
    page = moment.isoformat()
    return records, {"page": page, "skip": same + (skipped if page == start else 0)}


SCREENS = [Screen("/browse", show)]
