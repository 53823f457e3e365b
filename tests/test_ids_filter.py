"""The filter `ids`: among these records, in every read that takes filters."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from agentmem import InvalidFilterError, MemoryStore


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add_many(
        {"content": "common words", "id": id, "scope": f"/{id}", "categories": [id], "embedding": [1.0, 2.0]}
        for id in "abcd"
    )
    store.add("common secret words", id="p", private=True, source="me", embedding=[1.0, 2.0])
    return store


WANTED: list[tuple[Any, set[str]]] = [
    (["a", "c"], {"a", "c"}),
    (("c", "a", "c"), {"a", "c"}),
    ({"a"}, {"a"}),
    ("a", {"a"}),
    (["a", "nobody", "", "x" * 5000], {"a"}),
    (["nobody"], set()),
    ([], set()),
    (["p", "a"], {"a"}),
    (None, {"a", "b", "c", "d"}),
]


@pytest.mark.parametrize(("ids", "expected"), WANTED, ids=lambda value: ascii(value)[:30])
def test_every_read_keeps_to_them(filled: MemoryStore, ids: Any, expected: set[str]) -> None:
    """One text is one id; none at all match nothing; what is private stays so."""
    assert {record.id for record in filled.list(ids=ids)} == expected
    assert filled.count(ids=ids) == len(expected)
    assert set(filled.categories(ids=ids)) == expected
    for mode in ("hybrid", "bm25", "tfidf", "vector"):
        vector = [1.0, 2.0] if mode == "vector" else None
        hits = filled.search("common words", ids=ids, mode=mode, vector=vector)  # type: ignore[arg-type]
        assert {hit.record.id for hit in hits} == expected, mode
    assert {hit.record.id for hit in filled.search_many(["common"], ids=ids)[0]} == expected
    out = io.BytesIO()
    filled.export(out, ids=ids)
    assert {json.loads(line)["id"] for line in out.getvalue().splitlines()} == expected


def test_they_are_joined_with_the_other_filters(filled: MemoryStore) -> None:
    assert filled.count(ids=["a", "b"], scope="/b") == 1
    assert filled.count(ids=["a", "b"], categories=["c"]) == 0
    assert {record.id for record in filled.list(ids=["p", "a"], source="me")} == {"p", "a"}
    assert len(filled.search("words", ids=["a", "b", "c"], scope="/b")) == 1


def test_they_hold_before_the_limit(filled: MemoryStore) -> None:
    filled.add_many(["common words"] * 300)
    for mode in ("hybrid", "bm25", "tfidf"):
        assert [hit.record.id for hit in filled.search("common words", 1, ids=["a"], mode=mode)] == ["a"]  # type: ignore[arg-type]


def test_many_of_them(filled: MemoryStore) -> None:
    """More than SQLite takes variables."""
    known = filled.add_many(f"word{n} note" for n in range(3000))
    many = known + [f"none {n}" for n in range(40_000)]
    assert filled.count(ids=many) == 3000
    assert len(filled.search("note", 5000, mode="bm25", ids=many)) == 3000


def test_a_search_among_ids_sees_what_was_written_since(filled: MemoryStore) -> None:
    wanted = ["a", "new"]
    assert len(filled.search("words", ids=wanted)) == 1
    filled.add("new words", id="new")
    assert len(filled.search("words", ids=wanted)) == 2
    filled.delete("a")
    assert len(filled.search("words", ids=wanted)) == 1


def test_delete_is_as_before(filled: MemoryStore) -> None:
    """By ids alone private records too; with filters only what a list would show."""
    assert filled.delete(ids=[]) == 0
    assert filled.delete(ids=["p", "a"], scope="/") == 1
    assert filled.delete(ids=["p"]) == 1
    assert filled.count(include_private=True) == 3


@pytest.mark.parametrize("ids", [5, [5], [None], b"a", ["\ud800"], [["a"]]], ids=ascii)
def test_bad_ids(filled: MemoryStore, ids: Any) -> None:
    for read in (
        lambda: filled.list(ids=ids),
        lambda: filled.count(ids=ids),
        lambda: filled.search("x", ids=ids),
        lambda: filled.categories(ids=ids),
        lambda: filled.delete(ids=ids, scope="/"),
    ):
        with pytest.raises(InvalidFilterError, match="ids"):
            read()
    assert filled.count() == 4
