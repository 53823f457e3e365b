from __future__ import annotations

import copy
import json
import pickle
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from agentmem import Hit, InvalidRecordError, MemoryStore, Record

FULL: dict[str, Any] = {
    "id": "an id of mine",
    "content": "Alice prefers “email” over phone.\n日本語 🚀",
    "scope": "/user/alice",
    "categories": ["preference", "contact"],
    "metadata": {"topic": "contact", "deep": [1, -2.5, 0.1, None, True, {"x": []}], "big": 2**64 - 1},
    "importance": 0.7,
    "source": "agent-1",
    "private": True,
    "created_at": datetime(2024, 5, 1, 12, 30, 0, 123456, tzinfo=timezone.utc),
    "updated_at": datetime(2024, 5, 2, tzinfo=timezone.utc),
    "last_accessed": datetime(2024, 5, 3, tzinfo=timezone.utc),
    "expires_at": datetime(2099, 1, 1, tzinfo=timezone.utc),
    "embedding": [0.5, -1.0, 0.25],
}


def full() -> Record:
    return Record.from_dict(FULL)


def test_defaults() -> None:
    before = datetime.now(timezone.utc)
    record = Record("text")
    assert uuid.UUID(record.id).version == 7
    assert (record.content, record.scope, record.categories, record.metadata) == ("text", "/", (), {})
    assert (record.importance, record.source, record.private, record.embedding) == (0.5, None, False, None)
    assert before <= record.created_at <= datetime.now(timezone.utc)
    assert record.created_at == record.updated_at == record.last_accessed


def test_all_fields() -> None:
    record = full()
    assert record.to_dict() == FULL | {"version": None}
    assert record.categories == ("preference", "contact")
    assert record.embedding == (0.5, -1.0, 0.25)
    assert record.created_at.tzinfo is timezone.utc


def test_immutable() -> None:
    record = full()
    with pytest.raises(AttributeError):
        record.content = "other"  # type: ignore[misc]
    record.metadata["topic"] = "changed"
    record.to_dict()["metadata"]["topic"] = "changed"
    assert record.metadata["topic"] == "contact"


def test_value_semantics() -> None:
    assert full() == full()
    assert hash(full()) == hash(full())
    assert full() != full().replace(importance=0.1)
    assert full() != "text"
    assert len({full(), full()}) == 1
    with pytest.raises(TypeError):
        full() < full()  # type: ignore[operator]  # noqa: B015


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int) -> None:
    assert pickle.loads(pickle.dumps(full(), protocol)) == full()


def test_copies_are_the_record() -> None:
    record = full()
    assert copy.copy(record) is record
    assert copy.deepcopy(record) is record


def test_json() -> None:
    text = full().to_json()
    assert "\n" not in text
    assert Record.from_json(text) == Record.from_json(text.encode()) == full()
    parsed = json.loads(text)
    assert list(parsed) == list(FULL)
    assert parsed["created_at"] == "2024-05-01T12:30:00.123456Z"
    assert parsed["metadata"] == FULL["metadata"]
    assert Record.from_dict(parsed) == full()


@pytest.mark.parametrize("value", [0.1, 1e300, -0.0, 5e-324, 123456789.123456789, 2**53 + 0.0])
def test_numbers_survive(value: float) -> None:
    record = Record("x", metadata={"n": value})
    assert Record.from_json(record.to_json()).metadata["n"] == value


@pytest.mark.parametrize(
    "json",
    [
        "",
        "null",
        "[]",
        '["hi", "id", "/s"]',
        "{}",
        '{"content": 5}',
        '{"content": "x", "extra": 1}',
        '{"content": "x"',
        b"\xff",
        5,
    ],
)
def test_bad_json(json: Any) -> None:
    with pytest.raises(InvalidRecordError):
        Record.from_json(json)


def test_replace() -> None:
    record = full().replace(content="new", source=None, metadata={})
    assert (record.content, record.source, record.metadata) == ("new", None, {})
    assert record.id == full().id
    with pytest.raises(InvalidRecordError, match="nonsense"):
        record.replace(nonsense=1)


def test_scope_is_normalised() -> None:
    for given, scope in {"": "/", "a": "/a", "/a//b/": "/a/b", " /a ": "/a", None: "/"}.items():
        assert Record("x", scope=given).scope == scope


@hypothesis.given(st.text(alphabet="a./ \t\r\u2028\u3000é", max_size=8))
def test_a_normal_scope_stays_as_it_is(scope: str) -> None:
    try:
        record = Record("x", scope=scope)
    except InvalidRecordError:
        return
    assert Record("x", scope=record.scope).scope == record.scope
    assert Record.from_json(record.to_json()) == record
    assert pickle.loads(pickle.dumps(record)) == record


def test_the_longest_scope_can_be_read_again(store: MemoryStore) -> None:
    for scope in ("/" + "a" * 1023, "a" * 1023, " " * 9 + "/" + "é" * 511 + "/" * 9):
        store.put("x", id="1", scope=scope)
        (record,) = store.list(scope=scope)
        assert len(record.scope.encode()) in (1023, 1024)
    for scope in ("a" * 1024, "é" * 512):
        with pytest.raises(InvalidRecordError):
            store.add("x", scope=scope)
    assert store.verify()


def test_categories() -> None:
    assert Record("x", categories="one").categories == ("one",)
    assert Record("x", categories=("a", "b", "a")).categories == ("a", "b")
    assert Record("x", categories=(name for name in "ab")).categories == ("a", "b")


def test_moments() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    for given, expected in {
        datetime(2024, 1, 1): datetime(2024, 1, 1, tzinfo=timezone.utc),
        datetime(2024, 1, 1, 5, 30, tzinfo=east): datetime(2024, 1, 1, tzinfo=timezone.utc),
        "2024-01-01": datetime(2024, 1, 1, tzinfo=timezone.utc),
        "2024-01-01T05:30:00.5+05:30": datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=timezone.utc),
        datetime(1, 1, 1): datetime(1, 1, 1, tzinfo=timezone.utc),
        datetime(1969, 12, 31, 23, 59, 59, 999999): datetime(
            1969, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc
        ),
        datetime.max: datetime.max.replace(tzinfo=timezone.utc),
    }.items():
        record = Record("x", created_at=given)
        assert record.created_at == record.updated_at == record.last_accessed == expected
        assert Record.from_json(record.to_json()) == record


def test_embeddings() -> None:
    import array

    assert Record("x", embedding=array.array("f", [1.0, 2.0])).embedding == (1.0, 2.0)
    assert Record("x", embedding=range(3)).embedding == (0.0, 1.0, 2.0)
    numpy = pytest.importorskip("numpy")
    for kind in ("float16", "float32", "float64", "int8", ">f4"):
        assert Record("x", embedding=numpy.array([1, 2, 3], kind)).embedding == (1.0, 2.0, 3.0)
    with pytest.raises(InvalidRecordError):
        Record("x", embedding=numpy.zeros((2, 2)))
    with pytest.raises(InvalidRecordError):
        Record("x", embedding=numpy.array([numpy.nan]))


def test_repr_is_short() -> None:
    assert repr(Record("x" * 10_000, id="i")) == f"Record('{'x' * 60}…', id='i', scope='/')"


def test_hit() -> None:
    hit = Hit(full(), 0.5, {"bm25": 3.0})
    assert (hit.record, hit.score, hit.explain) == (full(), 0.5, {"bm25": 3.0})
    assert hit == Hit(full(), 0.5, {"bm25": 3.0})
    assert hit != Hit(full(), 0.6, {"bm25": 3.0})
    assert hash(hit) == hash(Hit(full(), 0.5, {"bm25": 3.0}))
    assert pickle.loads(pickle.dumps(hit)) == hit
    assert copy.deepcopy(hit) is hit
    assert hit.to_dict() == {"record": hit.record.to_dict(), "score": 0.5, "explain": {"bm25": 3.0}}
    assert repr(hit).startswith("Hit(score=0.500, record=Record(")
    with pytest.raises(AttributeError):
        hit.score = 1.0  # type: ignore[misc]
