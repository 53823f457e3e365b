"""Recency, importance and conversation count beside relevance when they are asked for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import agentmem

NOW = datetime.now(timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> agentmem.MemoryStore:
    store = agentmem.open(tmp_path / "memory.db")
    store.add("tea is best", id="old", created_at=NOW - timedelta(days=300), importance=1.0)
    store.add("tea is best", id="new", created_at=NOW, importance=0.0)
    return store


def order(store: agentmem.MemoryStore, **weights: float) -> list[str]:
    hits = store.search("tea", **weights)  # type: ignore[arg-type]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    return [hit.record.id for hit in hits]


def test_recency_prefers_the_new_and_importance_the_important(store: agentmem.MemoryStore) -> None:
    assert order(store, recency_weight=1.0) == ["new", "old"]
    assert order(store, importance_weight=1.0) == ["old", "new"]
    assert order(store, recency_weight=1.0, importance_weight=3.0) == ["old", "new"]


def test_the_score_is_the_weighted_mean(store: agentmem.MemoryStore) -> None:
    (relevance,) = {hit.score for hit in store.search("tea")}
    old = next(
        hit for hit in store.search("tea", recency_weight=0.5, half_life_days=100) if hit.record.id == "old"
    )
    assert old.score == pytest.approx((relevance + 0.5 * 2**-3) / 1.5, abs=1e-4)
    assert old.explain["relevance"] == relevance


@pytest.mark.parametrize(
    "weights",
    [
        {"recency_weight": -0.1},
        {"importance_weight": float("nan")},
        {"half_life_days": 0},
        {"recency_weight": "much"},
        {"dialogue": 1},
    ],
)
def test_wrong_weights_are_refused(store: agentmem.MemoryStore, weights: dict[str, object]) -> None:
    with pytest.raises(agentmem.InvalidFilterError):
        store.search("tea", **weights)  # type: ignore[arg-type]


@pytest.mark.parametrize("index", ["memory", "disk"])
def test_an_answer_is_found_by_the_question_before_it(tmp_path: Path, index: str) -> None:
    with agentmem.open(tmp_path / "talk.db", index=index) as store:  # type: ignore[arg-type]
        turns = ["Ann: Where did you grow up?", "Bob: In Oslo.", "Ann: I see.", "Bob: Goodbye."]
        store.add_many([{"content": turn, "scope": "/talk"} for turn in turns])
        store.add("grow tomatoes", scope="/garden")
        store.add("Bob: secret place", scope="/talk", private=True, source="Bob")
        plain = [hit.record.content for hit in store.search("where did Bob grow up")]
        assert "Bob: In Oslo." not in plain[:1]
        hits = store.search("where did Bob grow up", dialogue=True)
        assert "Bob: In Oslo." in [hit.record.content for hit in hits[:3]]
        assert all(not hit.record.private for hit in hits)
        assert any(hit.explain.get("dialogue", 0) > 0 for hit in hits)


def test_records_that_are_no_hits_are_not_read(tmp_path: Path) -> None:
    """The blend needs the age and the importance of many records; only the hits are read as a whole."""
    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        store.add("tea", id="damaged", importance=0.0)
        store.add("tea", id="hit", importance=1.0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE records SET source = 'damage' WHERE id = 'damaged'")
    with agentmem.open(path) as store:
        (hit,) = store.search("tea", limit=1, importance_weight=1.0)
        assert hit.record.id == "hit"
        with pytest.raises(agentmem.CorruptStoreError):
            store.search("tea", limit=2, importance_weight=1.0)
