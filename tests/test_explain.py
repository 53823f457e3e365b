"""`explain(query, id)`: why a record is a hit, or is none."""

from __future__ import annotations

import random
from typing import Any

import pytest

import agentmem
from agentmem import InvalidFilterError, MemoryStore

QUERY = "which phone does alice prefer"


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add_many(
        [
            {
                "content": "A long story about the weather of the year. Alice prefers email over the phone. "
                "And then there is more about the weather.",
                "id": "best",
                "scope": "/user/alice",
                "categories": ["contact"],
                "metadata": {"year": 2024},
                "created_at": "2024-05-01",
            },
            {"content": "The phone is broken.", "id": "second", "scope": "/office"},
            {"content": "Lunch is at noon.", "id": "other"},
            {"content": "", "id": "blank"},
            {"content": "Alice has a secret phone.", "id": "secret", "private": True, "source": "me"},
        ]
    )
    return store


def test_a_hit_is_explained_by_what_made_it_one(filled: MemoryStore) -> None:
    hits = filled.search(QUERY)
    why = filled.explain(QUERY, "best")
    assert why.hit
    assert why.excluded_by is None
    assert why.score == pytest.approx(hits[0].score)
    assert hits[0].record.id == "best"
    assert why.passage is not None
    start, end = why.passage
    assert hits[0].record.content[start:end] == "Alice prefers email over the phone."
    assert len(why.words) == 3
    assert all(isinstance(word, str) and weight > 0 for word, weight in why.words.items())
    assert isinstance(why.reason, str)
    assert why.reason


def test_rare_words_weigh_more(filled: MemoryStore) -> None:
    filled.add_many(["the phone rings"] * 20)
    words = filled.explain(QUERY, "best").words
    (phone,) = (weight for word, weight in words.items() if word.startswith("phone"))
    (alice,) = (weight for word, weight in words.items() if word.lower().startswith("alic"))
    assert alice > phone


def test_ranks_are_places_in_the_list(filled: MemoryStore) -> None:
    """Counted from 1, before and after the second stage."""
    filled.add_many(f"alice and the phone number {n}" for n in range(30))
    hits = [hit.record.id for hit in filled.search(QUERY, 100)]
    first_stage = [hit.record.id for hit in filled.search(QUERY, 100, mode="bm25")]
    for id in (hits[0], hits[7], "best", "second"):
        why = filled.explain(QUERY, id)
        assert why.rank == hits.index(id) + 1
        assert why.rank_before in range(1, len(first_stage) + 1)
    assert len({filled.explain(QUERY, id).rank_before for id in hits}) == len(hits)


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({"scope": "/office"}, "scope"),
        ({"categories": ["bills"]}, "categories"),
        ({"where": {"year": 2023}}, "where"),
        ({"ids": ["second"]}, "ids"),
        ({"since": "2025-01-01"}, "since"),
        ({"until": "2024-05-01"}, "until"),
    ],
    ids=str,
)
def test_the_filter_that_excludes_it_is_named(
    filled: MemoryStore, filters: dict[str, Any], name: str
) -> None:
    why = filled.explain(QUERY, "best", **filters)
    assert not why.hit
    assert why.excluded_by == name
    assert name in why.reason
    assert filled.explain(QUERY, "best", scope="/user", where={"year": 2024}).hit


@pytest.mark.parametrize("id", ["other", "blank"])
def test_a_record_without_a_word_of_the_query_is_no_hit(filled: MemoryStore, id: str) -> None:
    why = filled.explain(QUERY, id)
    assert not why.hit
    assert (why.excluded_by, why.rank) == (None, None)
    assert not why.words
    assert why.reason


def test_what_the_viewer_may_not_see_is_as_if_it_were_not_there(filled: MemoryStore) -> None:
    """An explanation of a private record would tell of it."""
    for id, viewer in (("secret", {}), ("secret", {"source": "you"}), ("nobody", {})):
        with pytest.raises(agentmem.RecordNotFoundError) as caught:
            filled.explain(QUERY, id, **viewer)
        assert caught.value.id == id
    assert filled.explain(QUERY, "secret", source="me").hit
    assert filled.explain(QUERY, "secret", include_private=True).hit


def test_what_has_expired_is_not_there_either(filled: MemoryStore) -> None:
    filled.touch("best", expires_at="2020-01-01")
    with pytest.raises(agentmem.RecordNotFoundError):
        filled.explain(QUERY, "best")


def test_it_agrees_with_every_search(filled: MemoryStore) -> None:
    for query in (QUERY, "weather", "lunch at noon", "nothing like it", "", "phone"):
        hits = {hit.record.id: hit.score for hit in filled.search(query, 100)}
        for id in ("best", "second", "other", "blank"):
            why = filled.explain(query, id)
            assert bool(why.hit) is (id in hits), (query, id)
            if id in hits:
                assert why.score == pytest.approx(hits[id])


@pytest.mark.parametrize(
    ("arguments", "filters"),
    [((5, "best"), {}), (("x", 5), {}), (("x", None), {}), (("x", "best"), {"scope": "/.."})],
    ids=str,
)
def test_bad_input(filled: MemoryStore, arguments: tuple[Any, Any], filters: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        filled.explain(*arguments, **filters)
    with pytest.raises(TypeError, match="colour"):
        filled.explain("x", "best", colour="red")


WORDS = ["apple", "pear", "plum", "deploy", "failed", "billing", "service", "alice", "bob", "monday"]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"scope": "/1", "min_score": 0.2},
    {"importance_weight": 0.5},
    {"limit": 70, "offset": 3},
    {"limit": 0},
]


@pytest.fixture(scope="module", params=["memory", "disk"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Records in which much is alike; some have no words, and some no embedding."""
    chance = random.Random(1)
    path = tmp_path_factory.mktemp("explain") / "memory.db"
    with agentmem.open(path, index=request.param, durability="normal") as store:
        store.add_many(
            {
                "id": str(n),
                "content": " ".join(chance.choices(WORDS, k=chance.randint(0, 12))),
                "scope": f"/{n % 3}",
                "importance": chance.random(),
                "embedding": [chance.random(), chance.random(), 1.0] if n % 4 else None,
            }
            for n in range(300)
        )
        yield store


@pytest.mark.parametrize("mode", ["hybrid", "dialogue", "fused", "bm25", "tfidf", "vector"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_hits_ranks_and_scores_are_those_of_the_search(
    large: MemoryStore, mode: str, options: dict[str, Any]
) -> None:
    """With every option, beyond the limit too, and with both kinds of index."""
    asked: dict[str, Any] = {"limit": 10, "offset": 0, "min_score": 0.0, **options}
    if mode in ("fused", "vector"):
        asked["vector"] = [0.3, 0.9, 1.0]
    asked["dialogue"] = mode == "dialogue"
    asked["mode"] = "hybrid" if mode in ("dialogue", "fused") else mode
    query = "did the billing service deploy on monday"
    hits = {hit.record.id: hit.score for hit in large.search(query, **asked)}
    ranks = {id: asked["offset"] + place for place, id in enumerate(hits, 1)}
    whole = [
        hit.record.id for hit in large.search(query, **{**asked, "limit": 1000, "offset": 0, "min_score": 0})
    ]
    chosen = [*hits, *whole[::20], *map(str, range(0, 300, 23))]
    for id in chosen:
        why = large.explain(query, id, **asked)
        assert why.hit is (id in hits), (id, why)
        assert (why.excluded_by is None) is (id in hits or (id not in whole and "scope" not in why.reason)), (
            id,
            why,
        )
        if id in hits:
            assert (why.rank, why.score) == (ranks[id], hits[id])
        elif why.rank is not None:
            assert why.rank == whole.index(id) + 1
        if why.excluded_by in ("limit", "offset", "min_score"):
            assert id in whole
            assert why.excluded_by in why.reason
