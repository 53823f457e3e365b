"""JSON pointers into nested metadata, and operands of any size."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agentmem import InvalidFilterError, MemoryStore

METADATA: dict[str, Any] = {
    "year": 2024,
    "user": {"name": "Alice", "tags": ["a", {"deep": True}], "nothing": None},
    "list": [10, [20, 30]],
    "": {"": "empty"},
    "a/b": "slash",
    "m~n": "tilde",
    "m~1n": "both",
    "/x": "literal",
    "01": "leading zero",
    "object": {"0": "key", "01": "key 01", "-": "dash"},
    "$gte": 1,
}


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add("x", id="nested", metadata=METADATA)
    store.add("x", id="flat", metadata={"user": "Alice", "/user/name": "Alice", "year": "2024"})
    return store


def found(store: MemoryStore, where: dict[str, Any]) -> set[str]:
    return {record.id for record in store.list(where=where)}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/year", 2024),
        ("/user/name", "Alice"),
        ("/user/tags/0", "a"),
        ("/user/tags/1/deep", True),
        ("/user/tags/1", {"deep": True}),
        ("/user/tags", ["a", {"deep": True}]),
        ("/user/nothing", None),
        ("/list/0", 10),
        ("/list/1/1", 30),
        ("/", {"": "empty"}),
        ("//", "empty"),
        ("/a~1b", "slash"),
        ("/m~0n", "tilde"),
        ("/m~01n", "both"),
        ("/~1x", "literal"),
        ("/01", "leading zero"),
        ("/object/0", "key"),
        ("/object/01", "key 01"),
        ("/object/-", "dash"),
        ("/$gte", 1),
    ],
)
def test_a_pointer_finds_what_rfc_6901_says(filled: MemoryStore, pointer: str, value: Any) -> None:
    assert "nested" in found(filled, {pointer: {"$eq": value}})
    assert "nested" in found(filled, {pointer: {"$exists": True}})
    assert "nested" not in found(filled, {pointer: {"$ne": value}})
    if not isinstance(value, dict):
        assert "nested" in found(filled, {pointer: value})


@pytest.mark.parametrize(
    "pointer",
    [
        *("/none", "/user/none", "/user/name/0", "/year/0", "/user/tags/2", "/user/tags/-", "/user/tags/00"),
        *(
            "/user/tags/01",
            "/user/tags/+1",
            "/user/tags/-1",
            "/user/tags/1.0",
            "/user/tags/ 1",
            "/user/tags/",
        ),
        *(
            "/user/tags/99999999999999999999999",
            "/list/1/1/0",
            "/x",
            "/a/b",
            "/user/",
            "/User",
            "/user/nothing/x",
        ),
    ],
)
def test_what_a_pointer_does_not_find_is_missing(filled: MemoryStore, pointer: str) -> None:
    """Array indexes have no leading zeros or signs; "-" is the place behind the last."""
    assert found(filled, {pointer: {"$exists": True}}) <= {"flat"}
    assert "nested" in found(filled, {pointer: {"$exists": False}})
    assert "nested" in found(filled, {pointer: {"$ne": 1}})
    assert "nested" in found(filled, {pointer: {"$nin": [1]}})
    assert "nested" not in found(filled, {pointer: None})


def test_keys_without_a_slash_are_keys_as_before(filled: MemoryStore) -> None:
    assert found(filled, {"a/b": "slash"}) == {"nested"}
    assert found(filled, {"m~1n": "both"}) == {"nested"}
    assert found(filled, {"": {"$exists": True}}) == {"nested"}
    assert found(filled, {"/~1user~1name": "Alice"}) == {"flat"}
    assert found(filled, {"/user/name": "Alice"}) == {"nested"}


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"/user/name": {"$in": ["Bob", "Alice"]}}, True),
        ({"/user/name": {"$contains": "lic"}}, True),
        ({"/user/tags": {"$contains": "a"}}, True),
        ({"/list/0": {"$gte": 10, "$lt": 11}}, True),
        ({"/list/0": {"$gt": 10}}, False),
        ({"/list/0": {"$not": {"$gt": 10}}}, True),
        ({"$or": [{"/list/0": 9}, {"/user/name": "Alice"}]}, True),
        ({"$and": [{"/list/0": 10}, {"/user/name": "Bob"}]}, False),
        ({"$not": {"/list/0": 10}}, False),
        ({"/user/name": "Alice", "year": 2024}, True),
    ],
    ids=str,
)
def test_every_operator_takes_pointers(filled: MemoryStore, where: dict[str, Any], holds: bool) -> None:
    assert ("nested" in found(filled, where)) is holds
    assert bool(filled.search("x", where=where, ids=["nested"])) is holds
    assert (filled.count(where=where, ids=["nested"]) == 1) is holds


@pytest.mark.parametrize("pointer", ["/~", "/~2", "/a~", "/a~b", "/a/~/b", "/~~0", "/user~/name"])
def test_bad_escapes(filled: MemoryStore, pointer: str) -> None:
    for where in (
        {pointer: 1},
        {pointer: {"$exists": True}},
        {"$or": [{pointer: 1}]},
        {"$not": {pointer: 1}},
    ):
        with pytest.raises(InvalidFilterError, match="~"):
            filled.list(where=where)


# Operands

NUMBERS = [-(2**63), -1.5, 0, 0.1, 2**53, 2**53 + 1, 2**63, 2**64 - 1, 1e300]
OPERANDS = [
    *(math.inf, -math.inf, 2**64, -(2**64), 2**200, -(2**200), 10**400, -(10**400)),
    *(2.0**63, 2.0**64, 1.7976931348623157e308, 0.1, 2**53 + 1),
]
COMPARE = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
    "$eq": lambda a, b: a == b,
    "$ne": lambda a, b: a != b,
}


@pytest.fixture
def numbers(store: MemoryStore) -> MemoryStore:
    store.add_many({"content": "x", "id": repr(n), "metadata": {"n": n, "in": {"n": n}}} for n in NUMBERS)
    return store


@pytest.mark.parametrize("operator", COMPARE)
def test_operands_may_be_infinite_and_of_any_size(numbers: MemoryStore, operator: str) -> None:
    """Compared exactly, as Python compares whole numbers with others."""
    for operand in OPERANDS:
        expected = {repr(n) for n in NUMBERS if COMPARE[operator](n, operand)}
        for key in ("n", "/n", "/in/n"):
            assert found(numbers, {key: {operator: operand}}) == expected, operand


def test_large_operands_elsewhere(numbers: MemoryStore) -> None:
    assert found(numbers, {"n": 2**200}) == found(numbers, {"n": math.inf}) == set()
    assert found(numbers, {"n": {"$in": [2**200, math.inf, 0]}}) == {"0"}
    assert len(found(numbers, {"n": {"$nin": [2**200, -math.inf, 0]}})) == len(NUMBERS) - 1
    assert found(numbers, {"in": {"$eq": {"n": 2**200}}}) == set()
    assert numbers.count(where={"n": {"$contains": 2**200}}) == 0


@pytest.mark.parametrize(
    "where", [{"n": math.nan}, {"n": {"$gt": math.nan}}, {"n": {"$in": [math.nan]}}], ids=str
)
def test_nan_is_no_operand(numbers: MemoryStore, where: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError, match="nan"):
        numbers.list(where=where)
