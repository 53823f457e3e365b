from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentmem
from agentmem import MemoryStore

CONTENTS = {
    "email": "Alice prefers email over phone.",
    "allergy": "Bob is allergic to peanuts and shellfish.",
    "deploy": "We deploy the billing service on Fridays with get_user_name and parseHTTPResponse.",
    "german": "Die Straße zum Fußballplatz ist gesperrt.",
    "chinese": "我喜欢在北京吃烤鸭。",
    "korean": "저는 서울에서 김치를 먹습니다.",
    "accents": "The café serves crème brûlée.",
    "emoji": "Launch 🚀 went well, C++ and C# too.",
}
MODES: list[Any] = ["hybrid", "bm25", "tfidf"]


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add_many([{"content": content, "id": id} for id, content in CONTENTS.items()])
    return store


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("how do I reach alice?", "email"),
        ("what is bob allergic to", "allergy"),
        ("PEANUT", "allergy"),
        ("deploying", "deploy"),
        ("user name", "deploy"),
        ("get_user_name", "deploy"),
        ("http response", "deploy"),
        ("STRASSE", "german"),
        ("strasse", "german"),
        ("北京", "chinese"),
        ("烤鸭", "chinese"),
        ("김치", "korean"),
        ("cafe creme brulee", "accents"),
        ("launch", "emoji"),
    ],
)
def test_finds(filled: MemoryStore, mode: Any, query: str, expected: str) -> None:
    assert filled.search(query, mode=mode)[0].record.id == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "query",
    [
        "",
        " \n\t",
        '"',
        "'; DROP TABLE records; --",
        "AND OR NOT",
        "alice AND (bob OR",
        "NEAR(alice bob, 5)",
        "alice*",
        "content: alice",
        "^alice",
        "{content} : x",
        "-alice +bob",
        "🚀🚀🚀",
        "...!?,;",
        "the of and a",
        "\0",
        "\udc80",
        "a\u0301" * 100,
        "w" * 100_000,
        "word " * 20_000,
        "\\ % _",
        "$eq",
    ],
    ids=lambda query: ascii(query)[:30],
)
def test_any_text_is_a_query(filled: MemoryStore, mode: Any, query: str) -> None:
    for hit in filled.search(query, mode=mode):
        assert 0.0 <= hit.score <= 1.0


@pytest.mark.parametrize("mode", MODES)
def test_scores(filled: MemoryStore, mode: Any) -> None:
    hits = filled.search("alice and bob deploy billing on fridays", mode=mode)
    scores = [hit.score for hit in hits]
    assert len(hits) >= 3
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert all(hit.explain for hit in hits)
    bar = scores[1]
    assert [
        hit.score
        for hit in filled.search("alice and bob deploy billing on fridays", mode=mode, min_score=bar)
    ] == [score for score in scores if score >= bar]
    assert filled.search("alice", mode=mode, min_score=1.1) == []
    assert len(filled.search("alice", mode=mode, min_score=-1)) == 1


@pytest.mark.parametrize("mode", MODES)
def test_limit_and_determinism(filled: MemoryStore, mode: Any) -> None:
    filled.add_many(["the same words"] * 30)
    whole = filled.search("same words", 100, mode=mode)
    assert len(whole) == 30
    for limit in (1, 7, 29):
        assert filled.search("same words", limit, mode=mode) == whole[:limit]
    assert len(filled.search("same words", mode=mode)) == 10


@pytest.mark.parametrize("mode", MODES)
def test_ties_newest_first(store: MemoryStore, mode: Any) -> None:
    ids = [store.add("equal words") for _ in range(5)]
    assert [hit.record.id for hit in store.search("equal words", mode=mode)] == ids[::-1]


def test_search_many(filled: MemoryStore) -> None:
    queries = ["alice", "peanuts", "", "no such thing"] * 20
    assert filled.search_many(queries, limit=2) == [filled.search(query, 2) for query in queries]
    assert filled.search_many([]) == []
    assert filled.search_many(query for query in ["alice"])[0][0].record.id == "email"


def test_vectors(store: MemoryStore) -> None:
    for id, vector in {
        "east": [1.0, 0.0],
        "north": [0.0, 1.0],
        "northeast": [1.0, 1.0],
        "west": [-1.0, 0.0],
    }.items():
        store.add(id, id=id, embedding=vector)
    store.add("no vector", id="none")
    hits = store.search("", mode="vector", vector=[2.0, 0.1])
    assert [hit.record.id for hit in hits][:3] == ["east", "northeast", "north"]
    assert all(0.0 <= hit.score <= 1.0 for hit in hits)
    assert "none" not in {hit.record.id for hit in hits}
    both = store.search("north", mode="hybrid", vector=[1.0, 0.0])
    assert {"north", "east"} <= {hit.record.id for hit in both}


def test_deleted_is_not_found(filled: MemoryStore) -> None:
    filled.delete("email")
    assert filled.search("alice") == []
    filled.add("Alice is back", id="email")
    assert filled.search("alice")[0].record.content == "Alice is back"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("alergic", "allergy"),
        ("fussballplätze", "german"),
        ("Straßensperrung Platz", "german"),
        ("brulees", "accents"),
        ("emailadress alcie", "email"),
    ],
)
def test_words_in_other_forms_are_understood(filled: MemoryStore, query: str, expected: str) -> None:
    (hit, *_) = filled.search(query)
    assert hit.record.id == expected
    assert hit.score > 0.2


def test_forms_of_deleted_records_are_forgotten(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("the kitchen is big", id="gone")
        store.add("kitchards are here", id="stays")
        store.delete("gone")
        assert [hit.record.id for hit in store.search("kitchenx")] == ["stays"]


def test_emphasis_is_no_name(store: MemoryStore) -> None:
    store.add("It is raining a lot today.")
    store.add("The IT department resets passwords.", id="it")
    assert store.search("who IS the president") == []
    assert "it" in [hit.record.id for hit in store.search("how do I call IT?")]


def test_politeness_does_not_answer(filled: MemoryStore) -> None:
    filled.add("Thank you for your help, please let us know if there is more.", id="polite")
    query = "Hello! What is bob allergic to? Please let me know. Thank you for your help!"
    assert filled.search(query)[0].record.id == "allergy"


def test_a_question_behind_a_long_context_is_answered(store: MemoryStore) -> None:
    store.add_many([f"{'abcdefghij'[n % 10] * 5} of the day" for n in range(50)])
    answer = store.add("The payment gateway rejects expired cards.")
    question = "Why does the payment gateway reject cards?"
    contexts = (
        "\n".join(f"12:{n:02d} INFO worker {n}: job done" for n in range(60)),
        "\n".join(f"step {n} done." for n in range(500)),
        "lorem ipsum dolor " * 2000,
        " ".join(f"job{n:04x}q" for n in range(1000)),
    )
    for context in contexts:
        for text in (f"{context}\n{question}", f"{question}\n{context}"):
            for mode in ("hybrid", "bm25", "tfidf"):
                hits = store.search(text, limit=1, mode=mode)  # type: ignore[arg-type]
                assert [hit.record.id for hit in hits] == [answer], (mode, text[:40])


def test_what_counts_beside_relevance_counts_among_more_than_are_wanted(store: MemoryStore) -> None:
    store.add("server timeout", id="important", importance=1.0)
    store.add_many([{"content": "server timeout", "importance": 0.0} for _ in range(100)])
    for mode in ("hybrid", "bm25", "tfidf"):
        (hit,) = store.search("server timeout", limit=1, mode=mode, importance_weight=1)  # type: ignore[arg-type]
        assert hit.record.id == "important"
