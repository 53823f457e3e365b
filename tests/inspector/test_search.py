"""Search: hits, why each is one, why another record is none, and what to do when nothing is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspector.sample import fill
from starlette.testclient import TestClient

import agentmem
from agentmem import MemoryStore
from agentmem.inspect import app


@pytest.fixture
def store(path: Path) -> Iterator[MemoryStore]:
    fill(path)
    with agentmem.open(path) as store:
        yield store


@pytest.fixture
def client(store: MemoryStore) -> TestClient:
    return TestClient(app(store, guard=False))


def asked(client: TestClient, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/search.json", params=query).json()
    return found


def test_hits_are_those_of_the_store(client: TestClient, store: MemoryStore) -> None:
    found = asked(client, q="what did we decide about the indexer", scope="/project", limit=3)
    hits = store.search("what did we decide about the indexer", 3, scope="/project")
    assert [hit["record"]["id"] for hit in found["hits"]] == [hit.record.id for hit in hits]
    assert [hit["score"] for hit in found["hits"]] == [hit.score for hit in hits]
    page = client.get("/search", params={"q": "indexer"}).text
    assert "<mark>indexer</mark>" in page


def test_without_a_query_the_newest_records_are_listed_without_scores(
    client: TestClient, store: MemoryStore
) -> None:
    found = asked(client)
    assert [record["id"] for record in found["newest"]] == [record.id for record in store.list(10)]
    assert found["hits"] == []
    assert "0.00" not in client.get("/").text


def test_why_it_is_a_hit(client: TestClient, store: MemoryStore) -> None:
    found = asked(client, q="indexer memory", why="fact-8")
    explained = store.explain("indexer memory", "fact-8")
    assert found["why"]["explanation"]["reason"] == explained.reason
    assert found["why"]["explanation"]["words"] == explained.words
    assert found["why"]["numbers"]["bm25"] > 0


def test_why_shows_what_a_weighted_score_is_the_mean_of(client: TestClient) -> None:
    weights = {"recency_weight": 0.5, "importance_weight": 0.25, "half_life_days": 10}
    why = asked(client, q="indexer memory", why="fact-8", **weights)["why"]
    parts = [why["numbers"][name] for name in ("relevance", "recency", "importance")]
    assert 0 < parts[1] < 1
    mean = (parts[0] + 0.5 * parts[1] + 0.25 * parts[2]) / 1.75
    assert mean == pytest.approx(why["explanation"]["score"], abs=1e-4)


def test_why_says_which_words_a_record_lacks(client: TestClient) -> None:
    """Words that a search passes over are not missed, nor are words that it finds in another form."""
    found = asked(client, q="why did we choose the indexer for unicorns and peanuts?", why="fact-8")
    assert found["why"]["explanation"]["hit"]
    assert found["why"]["lacking"] == {"unicorns": False, "peanuts": True}
    page = client.get("/search?q=indexer+unicorns&why=fact-8").text
    assert "<strong>unicorns</strong>, which no record here has" in page
    assert asked(client, q="indexer", why="fact-8", mode="bm25")["why"]["lacking"] == {}
    assert client.get("/search?q=indexer%00unicorns&why=fact-8").status_code == 200


def test_vectors_lack_no_words(path: Path) -> None:
    fill(path, conversation=False)
    with agentmem.open(path, embedder=lambda texts: [[1.0, 2.0] for _ in texts]) as store:
        client = TestClient(app(store, guard=False))
        assert asked(client, q="unicorns", why="fact-8", mode="vector")["why"]["lacking"] == {}


def test_why_it_is_no_hit(client: TestClient) -> None:
    found = asked(client, q="indexer", scope="/user", why="fact-8")
    assert found["why"]["explanation"]["excluded_by"] == "scope"
    assert "Why not this one?" in client.get("/search?q=indexer&scope=/user&why=fact-8").text


def test_a_filter_that_takes_all_hits_away_is_named(client: TestClient) -> None:
    found = asked(client, q="indexer", scope="/user/alice", category="decision")
    assert [one["filter"] for one in found["without"]] == ["scope"]
    assert found["without"][0]["hits"] == 1
    page = client.get("/search?q=indexer&scope=/user/alice").text
    assert "Without scope" in page


def test_a_least_score_that_takes_all_hits_away_shows_the_nearest(client: TestClient) -> None:
    found = asked(client, q="indexer", min_score="0.99")
    assert found["hits"] == []
    assert found["nearest"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"where": "{"}, "where is not JSON"),
        ({"where": "[1]"}, "not a JSON object"),
        ({"where": '{"a": {"$near": 1}}'}, "$near"),
        ({"limit": "many"}, "limit is not a number"),
        ({"since": "yesterday"}, "yesterday"),
        ({"mode": "magic"}, "magic"),
        ({"mode": "vector"}, "embedder"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_said_beside_the_form(
    client: TestClient, query: dict[str, str], text: str
) -> None:
    answer = client.get("/search", params={"q": "alice", **query})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'value="alice"' in answer.text, "what was typed stays"
    assert text in asked(client, q="alice", **query)["failure"]["text"]


def test_private_records_are_hidden_unless_asked_for(store: MemoryStore) -> None:
    def page(**options: Any) -> str:
        return TestClient(app(store, guard=False, **options)).get("/search?q=door+code").text

    assert "4711" not in page()
    assert "1 private hidden" in page()
    assert "4711" not in page(source="somebody")
    assert "4711" in page(source="concierge")
    assert "4711" in page(include_private=True)
    hidden = TestClient(app(store, guard=False)).get("/search?q=door+code&why=secret")
    assert hidden.status_code == 404
    assert "4711" not in hidden.text


def test_the_page_can_be_copied_as_python(client: TestClient, store: MemoryStore) -> None:
    query = {"q": 'indexer\'s "memory"', "category": "decision", "where": '{"year": 2025}', "limit": "3"}
    python = asked(client, **query)["call"]["python"]
    *lines, last = python.splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    hits = eval(last, names)
    names["store"].close()
    assert [hit.record.id for hit in hits] == ["fact-8"]


def test_the_page_can_be_copied_as_a_command(client: TestClient, store: MemoryStore) -> None:
    from shlex import split

    from click.testing import CliRunner

    from agentmem.cli import cli

    query = {"q": "-- indexer", "category": "decision", "where": '{"year": 2025}', "limit": "3"}
    command = split(asked(client, **query)["call"]["command"])
    assert command[0] == "agentmem"
    result = CliRunner().invoke(cli, [*command[1:-2], "--json", *command[-2:]])
    assert result.exit_code == 0, result.output
    assert [hit["record"]["id"] for hit in json.loads(result.stdout)] == ["fact-8"]


def test_an_empty_store_says_how_to_begin(path: Path) -> None:
    with agentmem.open(path) as store:
        page = TestClient(app(store, guard=False)).get("/").text
    assert "This store is empty" in page
    assert "agentmem demo" in page
