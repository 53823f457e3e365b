"""Pages of hits: `search(q, limit=n, offset=m)` is `search(q, limit=m + n)[m:]`."""

from __future__ import annotations

import random
from typing import Any

import pytest

import agentmem
from agentmem import InvalidFilterError, MemoryStore

WORDS = ["apple", "pear", "plum", "deploy", "failed", "billing", "service", "alice", "bob", "monday"]
MODES: list[Any] = ["hybrid", "bm25", "tfidf", "vector"]


@pytest.fixture(scope="module", params=["memory", "disk"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Records in which much is alike, and more than the modes choose candidates from."""
    chance = random.Random(1)
    path = tmp_path_factory.mktemp("offset") / "memory.db"
    with agentmem.open(path, index=request.param, durability="normal") as store:
        store.add_many(
            {
                "content": " ".join(chance.choices(WORDS, k=chance.randint(1, 12))),
                "scope": f"/{n % 3}",
                "importance": chance.random(),
                "embedding": [chance.random(), chance.random(), 1.0],
            }
            for n in range(1500)
        )
        yield store


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "options", [{}, {"scope": "/1"}, {"importance_weight": 0.5}, {"min_score": 0.3}], ids=str
)
def test_pages_are_cuts_of_one_list(large: MemoryStore, mode: Any, options: dict[str, Any]) -> None:
    """Also beyond the records that are ranked again, or chosen first."""
    vector = [0.3, 0.9, 1.0] if mode in ("vector", "hybrid") else None

    def search(limit: int, offset: int = 0) -> list[agentmem.Hit]:
        return large.search(
            "did the billing service deploy on monday",
            limit,
            offset=offset,
            mode=mode,
            vector=vector,
            **options,
        )

    for limit, offset in [
        (10, 0),
        (10, 10),
        (7, 60),
        (1, 63),
        (5, 64),
        (10, 195),
        (20, 390),
        (5, 10_000),
        (0, 5),
    ]:
        assert search(limit, offset) == search(limit + offset)[offset:], (limit, offset)


def test_pages_of_a_dialogue(large: MemoryStore) -> None:
    whole = large.search("alice and bob", 40, dialogue=True)
    assert large.search("alice and bob", 10, offset=30, dialogue=True) == whole[30:]


def test_pages_of_many_searches(large: MemoryStore) -> None:
    queries = ["alice", "billing"]
    assert large.search_many(queries, 5, offset=5) == [large.search(query, 10)[5:] for query in queries]


def test_a_whole_walk_sees_each_hit_once(large: MemoryStore) -> None:
    pages = [large.search("apple", 50, offset=offset, mode="bm25") for offset in range(0, 1500, 50)]
    seen = [hit.record.id for page in pages for hit in page]
    assert len(seen) == len(set(seen)) == len(large.search("apple", 1500, mode="bm25"))


@pytest.mark.parametrize("offset", [-1, -(10**30), True, 1.5, "1", None], ids=repr)
def test_bad_offsets(quick: MemoryStore, offset: Any) -> None:
    with pytest.raises(InvalidFilterError, match="offset"):
        quick.search("x", offset=offset)


def test_an_offset_beyond_everything(quick: MemoryStore) -> None:
    quick.add("x")
    assert quick.search("x", offset=10**30) == []
