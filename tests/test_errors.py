"""Bad input: each ends in the right error, with the value in the message, and nothing is changed."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

import agentmem
from agentmem import InvalidFilterError, InvalidRecordError, MemoryStore


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"deeper": value}
    return value


endless: dict[str, Any] = {}
endless["self"] = endless


def shown(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    ((name, given),) = value.items()
    try:
        return ascii(f"{name}={given!r}"[:40])
    except (ValueError, RecursionError):
        return f"{name}=huge"


class Raises:
    def __index__(self) -> int:
        raise KeyboardInterrupt

    __float__ = __index__  # type: ignore[assignment]


RECORDS: list[tuple[dict[str, Any], str]] = [
    ({"content": 5}, "content must be text, not 5 (int)"),
    ({"content": None}, "content must be text"),
    ({"content": b"bytes"}, "content must be text"),
    ({"content": "a\0b"}, "NUL"),
    ({"content": "lone \ud800"}, "surrogate"),
    ({"id": 5}, "id must be text"),
    ({"id": ""}, "id"),
    ({"id": "a\0"}, "NUL"),
    ({"id": "x" * 2000}, "bytes"),
    ({"id": "\udfff"}, "surrogate"),
    ({"scope": 5}, "scope must be text"),
    ({"scope": "/a/../b"}, ".."),
    ({"scope": "/./b"}, "."),
    ({"scope": "/a\0"}, "NUL"),
    ({"scope": "/" + "x" * 2000}, "bytes"),
    ({"scope": "/\ud800"}, "surrogate"),
    ({"categories": 5}, "categories must be"),
    ({"categories": ["a", 5]}, "categories[1] must be text, not 5 (int)"),
    ({"categories": [""]}, "category"),
    ({"categories": ["a\0"]}, "NUL"),
    ({"categories": {"a": 1}}, "categories must be"),
    ({"categories": b"ab"}, "categories must be"),
    ({"metadata": 5}, "metadata must be a dict"),
    ({"metadata": [("a", 1)]}, "metadata must be a dict"),
    ({"metadata": {"a": math.nan}}, 'metadata["a"] is nan'),
    ({"metadata": {"a": [1, {"b": math.inf}]}}, 'metadata["a"][1]["b"] is inf'),
    ({"metadata": {"a": {1, 2}}}, 'metadata["a"] must be'),
    ({"metadata": {"a": datetime.now()}}, 'metadata["a"] must be'),
    ({"metadata": {"a": b"x"}}, 'metadata["a"] must be'),
    ({"metadata": {"a": 1j}}, 'metadata["a"] must be'),
    ({"metadata": {1: "a"}}, "keys must be text"),
    ({"metadata": {"a": 2**64}}, "64 bits"),
    ({"metadata": {"a": -(2**63) - 1}}, "64 bits"),
    ({"metadata": {"a": 10**5000}}, "64 bits"),
    ({"metadata": {"a": "\ud800"}}, "surrogate"),
    ({"metadata": {"\ud800": 1}}, "surrogate"),
    ({"metadata": nested(1000)}, "deeper than"),
    ({"metadata": endless}, "deeper than"),
    ({"importance": 1.5}, "importance 1.5"),
    ({"importance": -0.1}, "importance -0.1"),
    ({"importance": math.nan}, "importance NaN"),
    ({"importance": "high"}, "importance must be a number, not 'high' (str)"),
    ({"importance": True}, "importance must be a number"),
    ({"source": 5}, "source must be text"),
    ({"source": ""}, "source"),
    ({"source": "a\0"}, "NUL"),
    ({"private": 1}, "private must be True or False"),
    ({"private": "no"}, "private must be True or False"),
    ({"created_at": 1714564800}, "created_at must be a datetime"),
    ({"created_at": "yesterday"}, "created_at must be a datetime"),
    ({"created_at": "10000-01-01"}, "created_at must be a datetime"),
    ({"created_at": "0000-01-01"}, "created_at must be a datetime"),
    ({"created_at": "2023-02-29"}, "created_at must be a datetime"),
    ({"created_at": datetime(2024, 1, 1).date()}, "created_at must be a datetime"),
    ({"embedding": "abc"}, "embedding must be a list of numbers"),
    ({"embedding": 5}, "embedding must be a list of numbers"),
    ({"embedding": []}, "embedding"),
    ({"embedding": [1.0, math.nan]}, "embedding"),
    ({"embedding": [1e300]}, "embedding"),
    ({"embedding": [1.0, "a"]}, "embedding[1] must be a number"),
    ({"embedding": [True]}, "embedding[0] must be a number"),
    ({"embedding": {1.0, 2.0}}, "embedding must be a list of numbers"),
    ({"embedding": frozenset([1.0])}, "embedding must be a list of numbers"),
    ({"created_at": "2024-05-01T12:00+02:99"}, "created_at must be a datetime"),
]

FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"scope": 5}, "scope must be text"),
    ({"scope": "/a/../b"}, ".."),
    ({"scope": "\0"}, "NUL"),
    ({"categories": 5}, "categories must be"),
    ({"categories": [None]}, "categories[0] must be text"),
    ({"where": 5}, "where must be a dict"),
    ({"where": {"year": {"$near": 5}}}, "$near"),
    ({"where": {"$nor": []}}, "$nor"),
    ({"where": {"$or": {}}}, "$or"),
    ({"where": {"$and": [5]}}, "object"),
    ({"where": {"a": {"$in": 5}}}, "$in"),
    ({"where": {"a": {"$exists": "yes"}}}, "$exists"),
    ({"where": {"a": math.nan}}, "nan"),
    ({"where": {"a": object()}}, 'where["a"]'),
    ({"where": {5: 1}}, "keys must be text"),
    ({"where": nested(1000)}, "deeper than"),
    ({"since": 5}, "since must be a datetime"),
    ({"until": "soon"}, "until must be a datetime"),
    ({"source": 5}, "source must be text"),
    ({"include_private": 1}, "include_private must be True or False"),
]

SEARCHES: list[tuple[dict[str, Any], str]] = [
    ({"query": 5}, "query must be text"),
    ({"query": None}, "query must be text"),
    ({"query": b"x"}, "query must be text"),
    ({"limit": -1}, "limit must be a whole number"),
    ({"limit": -(10**30)}, "limit must be a whole number"),
    ({"limit": True}, "limit must be a whole number"),
    ({"limit": 1.5}, "limit must be a whole number"),
    ({"limit": "ten"}, "limit must be a whole number"),
    ({"limit": None}, "limit must be a whole number"),
    ({"mode": "magic"}, "mode must be one of"),
    ({"mode": 5}, "mode must be one of"),
    ({"mode": None}, "mode must be one of"),
    ({"mode": "vector"}, "vector"),
    ({"min_score": "high"}, "min_score must be a number"),
    ({"min_score": math.nan}, "min_score"),
    ({"vector": "abc"}, "vector must be a list of numbers"),
    ({"vector": {0.5, 1.0}}, "vector must be a list of numbers"),
    ({"vector": [math.nan]}, "NaN"),
    ({"vector": []}, "empty"),
]


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add("what was there before", id="before", metadata={"year": 2024})
    return store


@pytest.mark.parametrize(("fields", "message"), RECORDS, ids=shown)
def test_records(filled: MemoryStore, fields: dict[str, Any], message: str) -> None:
    whole = {"content": "new"} | fields
    content = whole.pop("content")
    before = filled.list()
    for write in (
        lambda: filled.add(content, **whole),
        lambda: filled.put(content, **whole),
        lambda: filled.add_many(["good", {"content": content} | whole]),
        lambda: agentmem.Record(content, **whole),
    ):
        with pytest.raises(InvalidRecordError) as caught:
            write()
        assert message in str(caught.value)
        assert isinstance(caught.value, ValueError)
    if "id" not in fields:
        with pytest.raises(InvalidRecordError):
            filled.update("before", **fields)
    assert filled.list() == before


@pytest.mark.parametrize(
    "item", [5, None, b"bytes", ["list"], {}, {"text": "x"}, {"content": "x", 5: 5}, object()]
)
def test_what_is_no_record(filled: MemoryStore, item: Any) -> None:
    with pytest.raises(InvalidRecordError):
        filled.add_many(["good", item])
    assert filled.count() == 1


@pytest.mark.parametrize("items", ["text", {"content": "x"}, 5, None, agentmem.Record("x")])
def test_what_is_no_list_of_records(filled: MemoryStore, items: Any) -> None:
    with pytest.raises(InvalidRecordError, match="add"):
        filled.add_many(items)
    assert filled.count() == 1


@pytest.mark.parametrize(("filters", "message"), FILTERS, ids=shown)
def test_filters(filled: MemoryStore, filters: dict[str, Any], message: str) -> None:
    reads: list[Callable[[], object]] = [
        lambda: filled.search("x", **filters),
        lambda: filled.search_many(["x"], **filters),
        lambda: filled.list(**filters),
        lambda: filled.count(**filters),
        lambda: filled.categories(**filters),
        lambda: filled.delete(**filters),
        lambda: filled.export("out.jsonl", **filters),
    ]
    for read in reads:
        with pytest.raises(InvalidFilterError) as caught:
            read()
        assert message in str(caught.value)
        assert isinstance(caught.value, ValueError)
    assert filled.count() == 1


def test_unknown_filters_are_unknown_arguments(filled: MemoryStore) -> None:
    for read in (filled.list, filled.count, filled.categories, filled.delete):
        with pytest.raises(TypeError, match="colour"):
            read(colour="red")
    with pytest.raises(TypeError, match="colour"):
        filled.search("x", colour="red")  # type: ignore[call-arg]
    assert filled.count() == 1


@pytest.mark.parametrize(("asked", "message"), SEARCHES, ids=str)
def test_searches(filled: MemoryStore, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidFilterError) as caught:
        filled.search(**({"query": "x"} | asked))
    assert message in str(caught.value)


@pytest.mark.parametrize("queries", ["one text", [5], [None]])
def test_search_many(filled: MemoryStore, queries: Any) -> None:
    with pytest.raises(InvalidFilterError):
        filled.search_many(queries)
    with pytest.raises(InvalidFilterError):
        filled.search_many(["a", "b"], vectors=[[1.0]])


@pytest.mark.parametrize("id", ["", "a\0", "x" * 2000])
def test_what_no_record_can_be_called_is_not_found(filled: MemoryStore, id: str) -> None:
    assert filled.get(id) is None
    assert filled.touch([id]) == filled.delete([id]) == 0
    with pytest.raises(agentmem.RecordNotFoundError):
        filled.update(id, content="x")


@pytest.mark.parametrize("id", [5, None, b"x", "\ud800"])
def test_ids(filled: MemoryStore, id: Any) -> None:
    for call in (lambda: filled.get(id), lambda: filled.update(id, content="x"), lambda: filled.touch([id])):
        with pytest.raises(InvalidFilterError):
            call()
    with pytest.raises(InvalidFilterError):
        filled.delete([id])
    assert filled.count() == 1


@pytest.mark.parametrize("arguments", [{"limit": -1}, {"limit": "x"}, {"offset": -1}, {"offset": None}])
def test_list(filled: MemoryStore, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        filled.list(**arguments)


@pytest.mark.parametrize("scope", [5, None, "/..", "\0"])
def test_scopes(filled: MemoryStore, scope: Any) -> None:
    for call in (lambda: filled.scopes(scope), lambda: filled.scope_info(scope)):
        with pytest.raises(InvalidFilterError):
            call()
    if scope is not None:
        with pytest.raises(InvalidFilterError):
            filled.reset(scope)
    assert filled.count() == 1


def test_ctrl_c_is_never_taken_for_an_answer(filled: MemoryStore) -> None:
    for call in (lambda: filled.search("x", Raises()), lambda: filled.add("x", importance=Raises())):  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            call()


def test_what_can_be_mistaken_for_bad_input_is_good(filled: MemoryStore) -> None:
    filled.add("x", metadata={"a": 2**64 - 1, "b": -(2**63), "c": {}, "": None})
    filled.add("x", created_at=datetime(1, 1, 1, tzinfo=timezone.utc))
    filled.add("x", importance=0)
    filled.add("x", importance=1)
    assert filled.search("x", limit=0) == []
    assert len(filled.search("x", limit=10**30)) == 4
    assert filled.list(limit=0) == []
    assert len(filled.list(limit=10**30, offset=1)) == 4
    assert filled.list(offset=10**30) == []
    assert filled.search("lone \ud800 surrogate") == []


def test_errors_carry_their_data(store: MemoryStore) -> None:
    store.add("x", id="a", embedding=[1.0, 0.0])
    with pytest.raises(agentmem.DuplicateIdError) as duplicate:
        store.add("y", id="a")
    with pytest.raises(agentmem.RecordNotFoundError) as missing:
        store.update("b", importance=1.0)
    with pytest.raises(agentmem.DimensionMismatchError) as mismatch:
        store.add("y", embedding=[1.0, 0.0, 0.0])
    for error in (duplicate.value, pickle.loads(pickle.dumps(duplicate.value)), copy.copy(duplicate.value)):
        assert error.id == "a"
        assert error.args == duplicate.value.args
        assert '"a" is in use' in str(error)
    for error in (missing.value, pickle.loads(pickle.dumps(missing.value)), copy.copy(missing.value)):
        assert error.id == "b"
        assert str(error) == str(missing.value)
    for error in (mismatch.value, pickle.loads(pickle.dumps(mismatch.value)), copy.copy(mismatch.value)):
        assert (error.expected, error.found) == (2, 3)
        assert str(error) == str(mismatch.value)


def test_hierarchy() -> None:
    for name in (
        "InvalidRecordError",
        "InvalidFilterError",
        "DuplicateIdError",
        "RecordNotFoundError",
        "DimensionMismatchError",
        "StoreClosedError",
        "StoreBusyError",
        "StoreReadOnlyError",
        "StorePathError",
        "CorruptStoreError",
        "SchemaTooNewError",
        "NotAStoreError",
    ):
        error = getattr(agentmem, name)
        assert issubclass(error, agentmem.AgentMemError)
        assert not issubclass(error, RuntimeError)
        assert error.__doc__
    assert issubclass(agentmem.RecordNotFoundError, KeyError)
    assert issubclass(agentmem.DimensionMismatchError, ValueError)
    assert issubclass(agentmem.StorePathError, OSError)
    assert str(agentmem.RecordNotFoundError("plain")) == "plain"
