"""A store in PostgreSQL, in which the first part of a scope names a space."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from inspector.pages import PAGES
from inspector.sample import fill
from inspector.test_record import Visitor
from postgres_server import Server

import agentmem
from agentmem import MemoryStore
from agentmem.inspect.follower import Follower
from agentmem.inspect.place import place_of

needs_server = pytest.mark.skipif(
    postgres_server.program("initdb") is None, reason="PostgreSQL's server is not installed"
)


@pytest.fixture
def store(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryStore]:
    """The sample store. Its URL has a password, which the server does not ask for."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    url = server.store(space_depth=1).replace("postgres@", "postgres:pass-word@")
    fill(url)
    with agentmem.open(url) as store:
        yield store


@pytest.fixture
def visitor(store: MemoryStore) -> Visitor:
    visitor = Visitor(store)
    visitor.get("/health")
    return visitor


@pytest.fixture
def many(store: MemoryStore) -> MemoryStore:
    """The store with more spaces than are searched together."""
    for number in range(9):
        store.add(f"guest {number}", scope=f"/guest-{number}/notes")
    return store


@needs_server
def test_all_screens_show_it_and_none_its_password(visitor: Visitor) -> None:
    for name, address in PAGES.items():
        page = visitor.get(address)
        assert page.status_code in ({400} if name in ("bad-filter", "live") else {200, 404}), name
        assert "pass-word" not in page.text
        assert "127.0.0.1" in page.text


@needs_server
def test_a_search_among_many_spaces_asks_for_a_scope(visitor: Visitor, many: MemoryStore) -> None:
    page = visitor.get("/search?q=guest")
    assert page.status_code == 400
    assert "This store has many spaces" in page.text
    assert 'href="/search?q=guest&amp;scope=%2Fguest-3%2Fnotes"' in page.text
    hits = visitor.get("/search.json?q=guest&scope=/guest-3/notes").json()["hits"]
    assert [hit["record"]["content"] for hit in hits] == ["guest 3"]


@needs_server
def test_what_is_like_a_record_is_looked_for_in_its_scope(visitor: Visitor, many: MemoryStore) -> None:
    many.add("guest 3 again", id="again", scope="/guest-3/notes")
    similar = visitor.get("/record.json?id=again").json()["similar"]
    assert [hit["record"]["content"] for hit in similar] == ["guest 3"]


@needs_server
def test_live_asks_for_a_scope_and_follows_it(visitor: Visitor, store: MemoryStore) -> None:
    assert "This store has many spaces" in visitor.get("/live").text
    assert "Deploys are frozen" in visitor.get("/live?scope=/ops").text
    follower = Follower(store, {}, "/ops/tickets")
    store.add("POL-359", scope="/ops/tickets")
    store.add("elsewhere", scope="/ops")
    store.add("another space", scope="/user")
    assert [line.record and line.record.content for line in follower.poll()] == ["POL-359"]


@needs_server
def test_scopes_of_all_spaces_are_a_tree(visitor: Visitor) -> None:
    tree = visitor.get("/browse.json").json()["tree"]
    assert {branch["scope"] for branch in tree["children"]} >= {"/ops", "/project", "/user"}


@needs_server
def test_a_record_is_edited_and_labelled(visitor: Visitor, tmp_path: Path) -> None:
    draft = visitor.draft("fact-6") | {"content": "Deploys are free again."}
    visitor.post("/record/save", **draft)
    assert "free again" in visitor.get("/record?id=fact-6").text
    visitor.post("/label", q="deploys", id="fact-6", relevant="yes")
    (labels,) = (tmp_path / "data" / "agentmem").iterdir()
    assert "pass-word" not in labels.name
    assert visitor.get("/quality.json").json()["labels"] == 1


@needs_server
def test_health_checks_and_exports_it(visitor: Visitor, tmp_path: Path) -> None:
    assert "All is well." in visitor.post("/health/verify").text
    assert "Back up" not in visitor.get("/health").text
    visitor.post("/health/export", name="all.jsonl")
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) > 14


def test_the_place_of_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    place = place_of("postgresql://me:pa:ss@db.example.com:5433/memory?sslmode=require&password=pass")
    assert place.path == "postgresql://me@db.example.com:5433/memory?sslmode=require&password=***"
    assert place.name == "db.example.com:5433/memory"
    assert place.labels.startswith("/data/agentmem/db.example.com-5433-memory-")
    assert place.folder == str(tmp_path)
    assert place_of("postgresql:///memory").name == "memory"
