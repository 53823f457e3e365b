from __future__ import annotations

import pytest

from agentmem import InvalidFilterError, MemoryStore


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add_many(
        [
            {"content": "apple", "id": "a", "scope": "/x"},
            {"content": "banana", "id": "b", "scope": "/x/y", "categories": ["fruit"]},
            {
                "content": "cherry",
                "id": "c",
                "scope": "/xy",
                "metadata": {"n": 1},
                "created_at": "2020-01-01",
            },
            {"content": "secret", "id": "p", "scope": "/x", "private": True, "source": "me"},
        ]
    )
    return store


def left(store: MemoryStore) -> set[str]:
    return {record.id for record in store.list(include_private=True)}


def test_by_id(filled: MemoryStore) -> None:
    assert filled.delete("a") == 1
    assert filled.delete("a") == 0
    assert filled.get("a") is None
    assert filled.search("apple") == []
    assert filled.delete(["b", "c", "nobody"]) == 2
    assert left(filled) == {"p"}


def test_by_ids_of_private_records(filled: MemoryStore) -> None:
    assert filled.delete(ids=["p"]) == 1


def test_by_scope(filled: MemoryStore) -> None:
    assert filled.delete(scope="/x") == 2
    assert left(filled) == {"c", "p"}
    assert filled.delete(scope="/x", source="me") == 1
    assert left(filled) == {"c"}


def test_by_other_filters(filled: MemoryStore) -> None:
    assert filled.delete(categories=["fruit", "other"]) == 1
    assert filled.delete(where={"n": {"$gte": 1}}) == 1
    assert filled.delete(until="2000-01-01") == 0
    assert left(filled) == {"a", "p"}
    assert filled.delete(since="2000-01-01", include_private=True) == 2


def test_by_ids_and_filters(filled: MemoryStore) -> None:
    assert filled.delete(["a", "c", "p"], scope="/x") == 1
    assert left(filled) == {"b", "c", "p"}


def test_nothing_given(filled: MemoryStore) -> None:
    for call in (
        lambda: filled.delete(),
        lambda: filled.delete(None),
        lambda: filled.delete(source="me"),
        lambda: filled.delete(include_private=True),
        lambda: filled.delete(categories=[]),
        lambda: filled.delete(where={}),
        lambda: filled.delete(where={"$and": [{}, {"$and": []}]}),
        lambda: filled.delete(where={"$or": [{"n": 1}, {}]}),
        lambda: filled.delete(where={"$not": {"$or": []}}),
        lambda: filled.delete(where={"$not": {"n": {"$in": []}}}),
    ):
        with pytest.raises(InvalidFilterError, match="reset"):
            call()
    assert filled.delete(ids=[]) == 0
    assert filled.delete([]) == 0
    assert left(filled) == {"a", "b", "c", "p"}


def test_reset(filled: MemoryStore) -> None:
    assert filled.reset("/x") == 3
    assert left(filled) == {"c"}
    assert filled.reset() == 1
    assert filled.reset() == 0
    assert filled.search("cherry") == []
    assert filled.verify()
    filled.add("cherry", id="c")
    assert len(filled.search("cherry")) == 1


@pytest.mark.parametrize("blank", ["", " ", "\n", "//"])
def test_a_blank_scope_deletes_nothing(filled: MemoryStore, blank: str) -> None:
    before = filled.count(include_private=True)
    with pytest.raises(InvalidFilterError, match="the scope is empty"):
        filled.reset(blank)
    with pytest.raises(InvalidFilterError, match="the scope is empty"):
        filled.delete(scope=blank)
    assert filled.count(include_private=True) == before
    assert filled.delete(scope=None, ids=[]) == 0
