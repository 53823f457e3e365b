"""Browse: pages without gaps, the tree, the timeline, and bulk actions that can be taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from inspector.test_record import Visitor

import agentmem
from agentmem import MemoryStore
from agentmem.inspect.timeline import Bar, Span, timeline

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def store(path: Path) -> Iterator[MemoryStore]:
    """180 records; 70 of them have one moment, as after an import."""
    with agentmem.open(path, durability="normal") as store:
        store.add_many(
            {
                "content": f"number {n}",
                "id": f"n{n}",
                "scope": f"/box/{n % 3}",
                "created_at": START + timedelta(hours=min(n, 50) if n < 120 else n),
            }
            for n in range(180)
        )
        yield store


@pytest.fixture
def visitor(store: MemoryStore) -> Visitor:
    visitor = Visitor(store)
    visitor.get("/browse")
    return visitor


ORDERS = ["newest", "oldest", "written", "updated"]


def pages(visitor: Visitor, order: str) -> Iterator[list[str]]:
    """The ids on each page, from the first one on."""
    more: dict[str, str] | None = {}
    while more is not None:
        asked = urlencode({"order": order, **{name: value for name, value in more.items() if value}})
        page = visitor.get(f"/browse.json?{asked}").json()
        more = page["next"]
        yield [record["id"] for record in page["records"]]


@pytest.mark.parametrize("order", ORDERS)
def test_pages_have_each_record_once(visitor: Visitor, store: MemoryStore, order: str) -> None:
    found = [id for page in pages(visitor, order) for id in page]
    assert found == [record.id for record in store.list(None, order=order)]


@pytest.mark.parametrize("order", ORDERS)
def test_writes_between_pages_hide_and_repeat_nothing(
    visitor: Visitor, store: MemoryStore, order: str
) -> None:
    before = [record.id for record in store.list(None, order=order)]
    reading = pages(visitor, order)
    found = next(reading)
    store.delete(found[:2])
    for n in range(5):
        store.add(f"new {n}", id=f"new-{n}")
    found += [id for page in reading for id in page]
    assert [id for id in found if not id.startswith("new")] == before
    assert len(found) == len(set(found))


def test_the_tree_counts_what_is_below(visitor: Visitor) -> None:
    tree = visitor.get("/browse.json?scope=/box/1").json()["tree"]
    assert (tree["scope"], tree["records"]) == ("/", 180)
    assert [(one["scope"], one["records"]) for one in tree["children"][0]["children"]] == [
        ("/box/0", 60),
        ("/box/1", 60),
        ("/box/2", 60),
    ]


def test_the_tree_says_when_the_last_record_was_written(visitor: Visitor, store: MemoryStore) -> None:
    store.update("n4", importance=1)
    box = visitor.get("/browse.json?scope=/box").json()["tree"]["children"][0]
    last = [max(record.updated_at for record in store.list(None, scope=f"/box/{n}")) for n in range(3)]
    assert [datetime.fromisoformat(one["written"]) for one in box["children"]] == last
    assert datetime.fromisoformat(box["written"]) == store.get("n4").updated_at
    exact = store.get("n4").updated_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert f'title="{exact}">just now' in visitor.get("/browse?scope=/box").text


def bars_of(store: MemoryStore, filters: dict[str, Any]) -> list[Bar]:
    span = Span.of(store, filters, {})
    assert span is not None
    return timeline(store, span, filters, {})


def test_the_page_says_how_old_its_records_are(visitor: Visitor) -> None:
    span = visitor.get("/browse.json?scope=/box/1").json()["span"]
    assert span["start"] < span["end"]
    assert 'the oldest <time datetime="2026-01-01T01:00:00+00:00"' in visitor.get("/browse?scope=/box/1").text


def test_the_timeline_has_each_record_once(store: MemoryStore) -> None:
    bars = bars_of(store, {})
    assert sum(bar.count for bar in bars) == 180
    assert 10 < len(bars) <= 41
    assert all(a.until == b.since for a, b in pairwise(bars))
    inside = bars_of(store, {"since": START, "until": START + timedelta(hours=10)})
    assert sum(bar.count for bar in inside) == 10
    assert Span.of(store, {"scope": "/nowhere"}, {}) is None


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31T23:59:59.999999Z"])
def test_the_ends_of_time_fit(store: MemoryStore, visitor: Visitor, moment: str) -> None:
    store.add("at the end", created_at=moment)
    assert sum(bar.count for bar in bars_of(store, {})) == 181
    assert visitor.get("/browse").status_code == 200


def test_an_empty_scope_falls_back_to_the_one_above(visitor: Visitor, store: MemoryStore) -> None:
    store.delete(scope="/box/1")
    page = visitor.get("/browse.json?scope=/box/1").json()
    assert page["fallen_back"] == "/box/1"
    assert page["filters"]["scope"] == "/box"
    assert page["count"] == 120


def test_bad_filters_are_said(visitor: Visitor) -> None:
    for query in ("where={", "since=yesterday", "order=random"):
        answer = visitor.get(f"/browse?{query}")
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text


def test_selected_records_are_deleted_and_come_back(visitor: Visitor, store: MemoryStore) -> None:
    before = store.list(None)
    review = visitor.post("/bulk", act="delete", id=["n1", "n2"], back="/browse?scope=/box")
    assert "Delete 2 records?" in review.text
    assert "number 1" in review.text
    assert store.count() == 180
    answer = visitor.post("/bulk/now", **hidden(review.text))
    assert store.count() == 178
    assert "2 records deleted." in answer.text
    assert answer.url.params["scope"] == "/box"
    visitor.post("/undo", done=answer.url.params["done"])
    assert store.list(None) == before


def test_many_records_are_changed_only_after_their_number_was_typed(
    visitor: Visitor, store: MemoryStore
) -> None:
    review = visitor.post("/bulk", act="move", move="/new", all="yes", scope="/box/1")
    form = hidden(review.text)
    assert "Type 60 to go on" in review.text
    assert visitor.post("/bulk/now", **form, typed="61").status_code == 400
    assert store.count(scope="/new") == 0
    answer = visitor.post("/bulk/now", **form, typed="60")
    assert store.count(scope="/new") == 60
    visitor.post("/undo", done=answer.url.params["done"])
    assert store.count(scope="/box/1") == 60


def test_nothing_is_done_if_a_record_has_changed_meanwhile(visitor: Visitor, store: MemoryStore) -> None:
    review = visitor.post("/bulk", act="categorize", categorize="seen", all="yes", scope="/box/1")
    store.update("n1", content="changed")
    assert visitor.post("/bulk/now", **hidden(review.text), typed="60").status_code == 409
    assert store.categories() == {}


def test_a_category_is_added_to_those_that_are_there(visitor: Visitor, store: MemoryStore) -> None:
    store.update("n1", categories=["old"])
    review = visitor.post("/bulk", act="categorize", categorize="new", id="n1")
    visitor.post("/bulk/now", **hidden(review.text))
    assert store.get("n1").categories == ("old", "new")


@pytest.mark.parametrize("read_only", [False, True])
def test_selected_records_are_exported(store: MemoryStore, read_only: bool) -> None:
    visitor = Visitor(store, read_only=read_only)
    assert ">Export</button>" in visitor.get("/browse").text
    answer = visitor.post("/bulk/export", id=["n1", "n2"])
    assert answer.headers["content-disposition"] == 'attachment; filename="records.jsonl"'
    records = [agentmem.Record.from_json(line) for line in answer.text.splitlines()]
    assert records == store.get_many(["n1", "n2"])
    assert json.loads(answer.text.splitlines()[0])["id"] == "n1"


def test_more_records_can_be_exported_than_can_be_undone(
    visitor: Visitor, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentmem.inspect.screens.bulk.MOST_RECORDS", 100)
    assert "could not be undone" in visitor.post("/bulk", act="delete", all="yes").text
    assert visitor.post("/bulk/export", all="yes").text.count("\n") == 180


def test_a_selection_of_nothing_is_refused(visitor: Visitor) -> None:
    assert visitor.post("/bulk", act="delete").status_code == 400
    assert visitor.post("/bulk/export").status_code == 400
    assert visitor.post("/bulk", act="move", id="n1").status_code == 400
    assert visitor.post("/bulk", act="burn", id="n1").status_code == 400


def hidden(html: str) -> dict[str, list[str]]:
    """The hidden fields of the form in a page."""
    from html import unescape

    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html):
        if name != "csrf":
            found.setdefault(name, []).append(unescape(value))
    return found
