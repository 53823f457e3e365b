"""A store that moves between a file and PostgreSQL answers alike."""

from __future__ import annotations

import io
import random

import pytest

import agentmem

WORDS = [
    "alice",
    "bob",
    "prefers",
    "email",
    "over",
    "phone",
    "red",
    "blue",
    "car",
    "bike",
    "paris",
    "meeting",
    "friday",
    "budget",
    "report",
    "error",
    "42",
    "x-ray",
]


@pytest.fixture(scope="module")
def texts() -> list[dict[str, object]]:
    chance = random.Random(7)
    records: list[dict[str, object]] = []
    for number in range(400):
        words = chance.choices(WORDS, k=chance.randint(2, 30))
        records.append(
            {
                "id": str(number),
                "content": " ".join(words),
                "scope": chance.choice(["/", "/a", "/a/b", "/c"]),
                "metadata": {"n": number, "even": number % 2 == 0},
                "categories": chance.sample(["x", "y", "z"], k=chance.randint(0, 2)),
                "importance": chance.random(),
                "private": chance.random() < 0.2,
                "source": chance.choice(["me", "you"]),
                "created_at": f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
                "embedding": [chance.uniform(-1, 1) for _ in range(4)],
            }
        )
    return records


FILTERS: list[dict[str, object]] = [
    {},
    {"scope": "/a"},
    {"scope": "/a", "source": "me"},
    {"where": {"even": True}},
    {"categories": ["x", "y"], "include_private": True},
    {"since": "2024-05-01", "until": "2024-09-01"},
    {"ids": [str(n) for n in range(0, 400, 3)]},
]


def answers(store: agentmem.MemoryStore) -> list[object]:
    found: list[object] = []
    chance = random.Random(8)
    for filters in FILTERS:
        for options in (
            {"mode": "hybrid"},
            {"mode": "hybrid", "dialogue": True},
            {"mode": "bm25", "offset": 3},
            {"mode": "tfidf"},
            {"mode": "hybrid", "importance_weight": 0.3},
        ):
            query = " ".join(chance.choices(WORDS, k=4))
            hits = store.search(query, 20, **options, **filters)  # type: ignore[arg-type]
            found.append([(hit.record.id, hit.score, hit.explain) for hit in hits])
        vector = [chance.uniform(-1, 1) for _ in range(4)]
        for mode in ("vector", "hybrid"):
            hits = store.search("red car", 20, mode=mode, vector=vector, **filters)  # type: ignore[arg-type]
            found.append([(hit.record.id, hit.score) for hit in hits])
        found.append(
            [r.to_dict() | {"version": 0} for r in store.list(limit=None, order="oldest", **filters)]
        )  # type: ignore[arg-type]
        found.append((store.count(**filters), store.categories(**filters)))  # type: ignore[arg-type]
    found.append((store.scopes(), store.scopes("/a"), store.scopes(recursive=True)))
    return found


def test_both_give_the_same_hits_and_scores(url: str, texts: list[dict[str, object]]) -> None:
    with agentmem.open("memory.db", durability="normal") as file, agentmem.open(url) as database:
        file.add_many(texts)
        moved = io.StringIO()
        file.export(moved, include_private=True)
        moved.seek(0)
        assert database.import_(moved).written == 400
        expected = answers(file)
        assert answers(database) == expected
        back = io.StringIO()
        database.export(back, include_private=True)
        assert sorted(back.getvalue().splitlines()) == sorted(moved.getvalue().splitlines())
        for store in (file, database):
            store.delete(where={"even": True})
            store.add("a red car in paris", id="new", scope="/a", created_at="2024-07-07")
            assert store.verify().ok
        assert answers(database) == answers(file)


def test_both_rank_long_texts_alike(url: str) -> None:
    """A search reads some of them only."""
    chance = random.Random(9)
    lengths = [5, 60_000, 200, 50_000, 5] * 8
    texts = [" ".join(chance.choices(WORDS, k=length)) for length in lengths]
    with agentmem.open("memory.db", durability="normal") as file, agentmem.open(url) as database:
        for store in (file, database):
            store.add_many([{"id": str(n), "content": text} for n, text in enumerate(texts)])
        for options in ({}, {"dialogue": True}, {"mode": "tfidf"}):
            found = [
                [(hit.record.id, hit.score) for hit in store.search("alice prefers a bike", 40, **options)]  # type: ignore[arg-type]
                for store in (file, database)
            ]
            assert found[0] == found[1]
            assert len(found[0]) > 20
