"""Filters mean the same in every read: each case is asked of all of them."""

from __future__ import annotations

from typing import Any

import pytest

from agentmem import InvalidFilterError, MemoryStore

RECORDS: list[dict[str, Any]] = [
    {"id": "root", "scope": "/", "metadata": {"n": 1}},
    {"id": "a", "scope": "/a", "metadata": {"n": 2, "tags": ["x", "y"]}, "categories": ["red"]},
    {"id": "ab", "scope": "/a/b", "metadata": {"n": 2.5, "name": "Ann Lee"}, "categories": ["red", "blue"]},
    {"id": "abc", "scope": "/a/b/c", "metadata": {"n": None, "deep": {"k": [1]}}, "categories": ["blue"]},
    {"id": "Xab", "scope": "/ab", "metadata": {"n": "2", "ok": True}},
    {"id": "wild", "scope": "/a%_", "metadata": {"key.with.dots": 1, "$odd": 1}},
    {"id": "old", "scope": "/t", "created_at": "1960-01-01T00:00:00Z"},
    {"id": "new", "scope": "/t", "created_at": "2030-01-01T00:00:00Z"},
]
EVERY = {record["id"] for record in RECORDS}
MIDDLE = EVERY - {"old", "new"}

CASES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, EVERY),
    ({"scope": None, "where": None, "categories": None, "since": None, "until": None}, EVERY),
    ({"scope": "/"}, EVERY),
    ({"scope": ""}, EVERY),
    ({"scope": "/a"}, {"a", "ab", "abc"}),
    ({"scope": "a//b/"}, {"ab", "abc"}),
    ({"scope": "/ab"}, {"Xab"}),
    ({"scope": "/a%_"}, {"wild"}),
    ({"scope": "/A"}, set()),
    ({"scope": "/nowhere"}, set()),
    ({"categories": ["red"]}, {"a", "ab"}),
    ({"categories": "red"}, {"a", "ab"}),
    ({"categories": ["red", "blue"]}, {"a", "ab", "abc"}),
    ({"categories": ["re", "RED"]}, set()),
    ({"categories": []}, EVERY),
    ({"since": "2029-01-01"}, {"new"}),
    ({"since": "2030-01-01"}, {"new"}),
    ({"until": "2030-01-01", "scope": "/t"}, {"old"}),
    ({"until": "1960-01-01"}, set()),
    ({"since": "1960-01-01", "until": "1960-01-01T00:00:00.000001Z"}, {"old"}),
    ({"where": {"n": 2}}, {"a"}),
    ({"where": {"n": 2.0}}, {"a"}),
    ({"where": {"n": "2"}}, {"Xab"}),
    ({"where": {"n": None}}, {"abc"}),
    ({"where": {"n": {"$eq": 1}}}, {"root"}),
    ({"where": {"n": {"$gt": 2}}}, {"ab"}),
    ({"where": {"n": {"$gte": 2}}}, {"a", "ab"}),
    ({"where": {"n": {"$lt": 2}}}, {"root"}),
    ({"where": {"n": {"$lte": 2}}}, {"root", "a"}),
    ({"where": {"n": {"$gte": 1, "$lt": 2.5}}}, {"root", "a"}),
    ({"where": {"n": {"$in": [1, "2"]}}}, {"root", "Xab"}),
    ({"where": {"n": {"$in": []}}}, set()),
    ({"where": {"n": {"$nin": [1, 2, "2"]}}}, EVERY - {"root", "a", "Xab"}),
    ({"where": {"n": {"$ne": 2}}}, EVERY - {"a"}),
    ({"where": {"n": {"$exists": True}}}, {"root", "a", "ab", "abc", "Xab"}),
    ({"where": {"n": {"$exists": False}}}, {"wild", "old", "new"}),
    ({"where": {"tags": {"$contains": "x"}}}, {"a"}),
    ({"where": {"tags": {"$contains": "z"}}}, set()),
    ({"where": {"name": {"$contains": "Lee"}}}, {"ab"}),
    ({"where": {"tags": ["x", "y"]}}, {"a"}),
    ({"where": {"tags": {"$eq": ["y", "x"]}}}, set()),
    ({"where": {"deep": {"$eq": {"k": [1]}}}}, {"abc"}),
    ({"where": {"ok": True}}, {"Xab"}),
    ({"where": {"ok": 1}}, set()),
    ({"where": {"key.with.dots": 1}}, {"wild"}),
    ({"where": {"n": 2, "tags": {"$exists": True}}}, {"a"}),
    ({"where": {"$or": [{"n": 1}, {"n": 2.5}]}}, {"root", "ab"}),
    ({"where": {"$and": [{"n": {"$gt": 1}}, {"n": {"$lt": 2.5}}]}}, {"a"}),
    ({"where": {"$not": {"n": {"$exists": True}}}}, {"wild", "old", "new"}),
    ({"where": {}}, EVERY),
    ({"scope": "/a", "categories": ["blue"], "where": {"n": {"$exists": True}}}, {"ab", "abc"}),
]


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add_many([{"content": f"common words {record['id']}"} | record for record in RECORDS])
    return store


@pytest.mark.parametrize(("filters", "expected"), CASES, ids=lambda value: str(value)[:60])
def test_filters(filled: MemoryStore, filters: dict[str, Any], expected: set[str]) -> None:
    assert {record.id for record in filled.list(**filters)} == expected
    assert filled.count(**filters) == len(expected)
    for mode in ("hybrid", "bm25", "tfidf"):
        hits = filled.search("common words", limit=100, mode=mode, **filters)  # type: ignore[arg-type]
        assert {hit.record.id for hit in hits} == expected, mode
    (many,) = filled.search_many(["common"], limit=100, **filters)
    assert {hit.record.id for hit in many} == expected
    colours = [
        name for record in RECORDS if record["id"] in expected for name in record.get("categories", ())
    ]
    assert filled.categories(**filters) == {name: colours.count(name) for name in sorted(set(colours))}
    assert filled.export("out.jsonl", **filters) == len(expected)


def test_filters_hold_before_the_limit(filled: MemoryStore) -> None:
    filled.add_many(["common words, much shorter"] * 50)
    hits = filled.search("common words", limit=3, scope="/a")
    assert {hit.record.id for hit in hits} == {"a", "ab", "abc"}


@pytest.mark.parametrize("levels", [10, 20, 30, 40, 60, 64])
def test_deep_conditions_are_answered_or_refused(filled: MemoryStore, levels: int) -> None:
    condition: dict[str, Any] = {"n": 2}
    for _ in range(levels // 2 * 2):
        condition = {"n": {"$exists": True}, "$not": condition}
    try:
        expected = filled.count(where=condition)
    except InvalidFilterError:
        assert levels > 30
    else:
        assert expected == len(filled.list(where=condition)) == len(filled.search("common", where=condition))


def test_filters_see_changes(filled: MemoryStore) -> None:
    found = lambda: {hit.record.id for hit in filled.search("common", where={"n": 2})}  # noqa: E731
    assert found() == {"a"}
    filled.update("root", metadata={"n": 2})
    assert found() == {"a", "root"}
    filled.delete("a")
    filled.put("common words", id="later", metadata={"n": 2})
    assert found() == {"root", "later"}
    filled.update("root", metadata={})
    assert found() == {"later"}


def test_list_pages(filled: MemoryStore) -> None:
    whole = [record.id for record in filled.list()]
    assert whole[0] == "new"
    assert whole[-1] == "old"
    pages = [record.id for offset in range(0, 9, 3) for record in filled.list(3, offset)]
    assert pages == whole
    assert filled.list(limit=None) == filled.list()


def test_scopes(filled: MemoryStore) -> None:
    assert filled.scopes() == ["/a", "/a%_", "/ab", "/t"]
    assert filled.scopes("/a") == ["/a/b"]
    assert filled.scopes("/a/b/") == ["/a/b/c"]
    assert filled.scopes("/nowhere") == []


def test_scope_info(filled: MemoryStore) -> None:
    info = filled.scope_info("/a")
    assert (info.scope, info.records, info.children) == ("/a", 3, ["/a/b"])
    assert info.categories == {"blue": 2, "red": 2}
    assert info.oldest is not None
    assert info.newest is not None
    assert info.oldest <= info.newest
    times = filled.scope_info("/t")
    assert (times.oldest.year, times.newest.year) == (1960, 2030)  # type: ignore[union-attr]
    nothing = filled.scope_info("/nowhere")
    assert (nothing.records, nothing.categories, nothing.oldest, nothing.children) == (0, {}, None, [])
    assert info.to_dict()["records"] == 3


def test_categories_are_ordered(filled: MemoryStore) -> None:
    filled.add("x", categories=["zebra", "red"])
    assert list(filled.categories().items()) == [("red", 3), ("blue", 2), ("zebra", 1)]
    assert filled.categories("/a/b") == {"blue": 2, "red": 1}
