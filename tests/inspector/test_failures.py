"""Every page of every kind of store: it is shown, or an error page says why not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inspector.pages import PAGES
from inspector.sample import fill
from starlette.testclient import TestClient

import agentmem
from agentmem.inspect import app
from agentmem.inspect.screens import SCREENS

QUERIES = ["", "?q=indexer", "?a_q=indexer", "?id=fact-5", "?scope=/user", "?threshold=0.3"]
ADDRESSES = [
    f"{screen.path}{ending}{query}"
    for screen in SCREENS
    if not screen.is_form and screen.path != "/live/stream"
    for query in QUERIES
    for ending in ("", ".json")
]


def statuses(client: TestClient) -> set[int]:
    found = {}
    for address in ADDRESSES:
        answer = client.get(address)
        found[address] = answer.status_code
        assert "Traceback" not in answer.text
    return set(found.values())


def test_an_empty_store(path: Path) -> None:
    with agentmem.open(path) as store:
        assert statuses(TestClient(app(store, guard=False))) == {200, 404}, "404 is the record"


def test_a_store_that_is_opened_read_only(path: Path) -> None:
    fill(path)
    with agentmem.open(path, read_only=True) as store:
        assert statuses(TestClient(app(store, guard=False, read_only=True))) <= {200, 404}


def test_a_closed_store(path: Path) -> None:
    fill(path, conversation=False)
    store = agentmem.open(path)
    client = TestClient(app(store, guard=False))
    store.close()
    assert statuses(client) <= {200, 503}
    assert "closed" in client.get("/search?q=x").text


@pytest.fixture
def damaged(path: Path) -> Iterator[TestClient]:
    """All records but one have a wrong checksum."""
    fill(path, conversation=False)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET importance = 0.123 WHERE id <> 'fact-5'")
    connection.close()
    with agentmem.open(path) as store:
        yield TestClient(app(store, guard=False))


def test_a_damaged_store(damaged: TestClient) -> None:
    assert statuses(damaged) <= {200, 404, 500}
    page = damaged.get("/search?q=indexer")
    assert page.status_code == 500
    assert "Check the store" in page.text
    assert damaged.get("/health").status_code == 200
    assert damaged.get("/record?id=fact-5").status_code in (200, 500)


def test_a_store_that_was_deleted(path: Path) -> None:
    fill(path, conversation=False)
    with agentmem.open(path) as store:
        client = TestClient(app(store, guard=False))
        os.rename(path, f"{path}.away")
        assert statuses(client) == {410}
        os.rename(f"{path}.away", path)
        assert client.get("/search").status_code == 200


def test_a_busy_store_says_so(path: Path) -> None:
    fill(path, conversation=False)
    with agentmem.open(path, busy_timeout=0.1) as store:
        client = TestClient(app(store, guard=False), headers={"origin": "http://testserver"})
        csrf = client.get("/record?id=fact-5").text.partition('name="csrf" value="')[2].partition('"')[0]
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        answer = client.post("/delete/now", data={"csrf": csrf, "id": "fact-5"})
        blocker.execute("ROLLBACK")
        blocker.close()
        assert answer.status_code == 503
        assert store.get("fact-5") is not None


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_a_json_twin(path: Path, name: str) -> None:
    fill(path)
    with agentmem.open(path) as store:
        client = TestClient(app(store, guard=False))
        address, _, query = PAGES[name].partition("?")
        page = client.get(PAGES[name])
        twin = client.get(f"{'/search' if address == '/' else address}.json?{query}")
        assert twin.status_code == page.status_code
        assert twin.headers["content-type"] == "application/json"
        assert isinstance(twin.json(), dict)
        assert f"{'/search' if address == '/' else address}.json" in page.text


def test_a_fault_of_the_inspector_tells_nothing_of_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(path, conversation=False)
    with agentmem.open(path) as store:
        client = TestClient(app(store, guard=False))
        broken: Callable[..., None] = lambda *_, **__: 1 / 0  # noqa: E731
        monkeypatch.setattr(store, "search", broken)
        answer = client.get("/search?q=x")
        assert answer.status_code == 500
        assert "ZeroDivision" not in answer.text
        assert "ZeroDivisionError" in caplog.text


def test_a_form_that_is_too_large_is_refused(path: Path) -> None:
    with agentmem.open(path) as store:
        client = TestClient(app(store, guard=False), headers={"origin": "http://testserver"})
        assert client.post("/record/save", content=b"x" * (16 * 1024 * 1024 + 1)).status_code == 413
