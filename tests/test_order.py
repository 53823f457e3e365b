"""The orders of `list`, and pages that miss no write and cost the same however far one reads."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agentmem import InvalidFilterError, MemoryStore

DAY = datetime(2024, 5, 1, tzinfo=timezone.utc)


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    """Written in the order of their names, created in another: b c a, with a2 created when a was."""
    for id, day in {"a": 3, "b": 1, "c": 2, "a2": 3}.items():
        store.add("x", id=id, created_at=DAY + timedelta(day), scope=f"/{id[0]}", metadata={"day": day})
    return store


def ids(store: MemoryStore, *args: Any, **kwargs: Any) -> list[str]:
    return [record.id for record in store.list(*args, **kwargs)]


def versions(store: MemoryStore) -> dict[str, int]:
    return {record.id: record.version for record in store.list(None, include_private=True)}


def test_the_four_orders(filled: MemoryStore) -> None:
    """Of records created at one moment the later written is the newer; "oldest" is "newest" backwards."""
    assert ids(filled) == ids(filled, order="newest") == ["a2", "a", "c", "b"]
    assert ids(filled, order="oldest") == ["b", "c", "a", "a2"]
    assert ids(filled, order="written") == ["a", "b", "c", "a2"]
    assert ids(filled, order="updated") == ["a2", "c", "b", "a"]


def test_what_is_written_again_moves_in_two_of_them(filled: MemoryStore) -> None:
    filled.update("b", metadata={"day": 1})
    filled.touch(["a", "c"], ttl=3600)
    assert ids(filled, order="written") == ["a", "c", "a2", "b"]
    assert ids(filled, order="updated") == ["b", "a2", "c", "a"]
    assert ids(filled, order="newest") == ["a2", "a", "c", "b"]
    filled.put("x", id="a", created_at=DAY)
    assert ids(filled, order="oldest") == ["a", "b", "c", "a2"]


@pytest.mark.parametrize("order", ["newest", "oldest", "written", "updated"])
def test_filters_limits_and_offsets_hold_in_every_order(filled: MemoryStore, order: Any) -> None:
    every = ids(filled, order=order)
    assert [ids(filled, 1, n, order=order) for n in range(5)] == [[id] for id in every] + [[]]
    assert ids(filled, scope="/a", order=order) == [id for id in every if id[0] == "a"]
    assert ids(filled, where={"day": 3}, order=order) == [id for id in every if id[0] == "a"]
    assert ids(filled, ids=["c", "b"], order=order) == [id for id in every if id in "bc"]
    filled.add("secret", id="private", private=True)
    assert ids(filled, order=order) == every
    assert len(ids(filled, order=order, include_private=True)) == 5


def test_after_gives_what_was_written_later(filled: MemoryStore) -> None:
    known = versions(filled)
    assert ids(filled, order="written", after=0) == ["a", "b", "c", "a2"]
    assert ids(filled, order="written", after=known["b"]) == ["c", "a2"]
    assert ids(filled, 1, order="written", after=known["b"]) == ["c"]
    assert ids(filled, order="written", after=known["a"], scope="/a") == ["a2"]
    assert ids(filled, order="written", after=known["a2"]) == ids(filled, order="written", after=10**15) == []
    filled.update("a", content="y")
    assert ids(filled, order="written", after=known["a2"]) == ["a"]
    assert ids(filled, order="written", after=None) == ["b", "c", "a2", "a"]


def test_a_reader_that_follows_misses_no_write(store: MemoryStore) -> None:
    """Pages of three, while records come, change and go; at the end it knows what the store knows."""
    known: dict[str, str] = {}
    after = 0
    for n in range(60):
        store.put(f"text {n}", id=f"id{n % 17}", scope=f"/{n % 2}")
        store.add(f"more {n}")
        if n % 5 == 0:
            store.update(f"id{n % 17}", content=f"changed {n}")
        for record in store.list(3, order="written", after=after):
            assert record.version > after
            after = record.version
            known[record.id] = record.content
    while page := store.list(3, order="written", after=after):
        after = page[-1].version
        known.update((record.id, record.content) for record in page)
    assert known == {record.id: record.content for record in store.list(None)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"order": "random"},
        {"order": 5},
        {"order": None},
        {"order": "Newest"},
        {"after": 1},
        {"after": 1, "order": "newest"},
        {"after": 1, "order": "oldest"},
        {"after": 1, "order": "updated"},
        {"after": -1, "order": "written"},
        {"after": "1", "order": "written"},
        {"after": 1.0, "order": "written"},
        {"after": True, "order": "written"},
        {"limit": -1, "order": "written"},
        {"offset": -1, "order": "updated"},
    ],
    ids=str,
)
def test_bad_orders(filled: MemoryStore, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        filled.list(**arguments)


def test_a_page_far_down_costs_what_the_first_costs(quick: MemoryStore) -> None:
    """In a scope and in the whole store. The bound is wide: an offset would be some hundred times slower."""
    quick.add_many({"content": "x", "scope": f"/s{n % 2}"} for n in range(20_000))
    last = quick.list(1, order="updated")[0].version

    def seconds(after: int, **filters: Any) -> float:
        took = []
        for _ in range(15):
            start = time.perf_counter()
            assert len(quick.list(10, order="written", after=after, **filters)) == 10
            took.append(time.perf_counter() - start)
        return min(took)

    for filters in ({}, {"scope": "/s1"}):
        assert seconds(last - 100, **filters) < 5 * seconds(0, **filters)
