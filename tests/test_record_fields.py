"""Every place that lists a record's fields agrees with the table in `src/record/fields.rs`."""

from __future__ import annotations

import inspect
import json
import sqlite3
from pathlib import Path

import pytest

import agentmem
from agentmem import MemoryStore, Record
from agentmem.aio import AsyncMemoryStore

FIELDS = list(json.loads(Record("x", expires_at="2099-01-01").to_json()))
# What a store sets itself, and `add` and `put` do not take.
SET_BY_THE_STORE = {"updated_at", "last_accessed"}


def test_python_values() -> None:
    record = Record("x")
    assert list(record.to_dict()) == [*FIELDS, "version"]
    assert all(hasattr(record, name) for name in FIELDS)
    assert Record.from_dict(record.to_dict()) == record
    fields = record.to_dict()
    del fields["version"]
    assert Record(**fields) == record


def test_the_constructor() -> None:
    parameters = inspect.signature(Record).parameters
    assert set(parameters) == set(FIELDS)
    record = Record("x")
    for name, parameter in parameters.items():
        if parameter.default not in (inspect.Parameter.empty, None):
            assert getattr(record, name) == parameter.default, name


@pytest.mark.parametrize("name", ["add", "put"])
def test_writing(name: str) -> None:
    for owner in (MemoryStore, AsyncMemoryStore, agentmem):
        parameters = set(inspect.signature(getattr(owner, name)).parameters)
        missing = set(FIELDS) - SET_BY_THE_STORE - parameters
        assert not missing, (owner, missing)


def test_updating(store: MemoryStore) -> None:
    id = store.add("x")
    other = Record("y", scope="/a", source="me", categories=["c"], metadata={"a": 1}, private=True)
    changes = other.to_dict()
    del changes["id"], changes["version"]
    with pytest.raises(agentmem.InvalidRecordError, match="cannot change updated_at"):
        store.update(id, updated_at=changes.pop("updated_at"))
    for name, value in changes.items():
        assert getattr(store.update(id, **{name: value}), name) == getattr(other, name)


def test_storing(store: MemoryStore) -> None:
    record = Record(
        "y",
        id="a",
        scope="/a",
        metadata={"a": 1},
        categories=["c"],
        importance=0.9,
        source="me",
        private=True,
        created_at="2001-01-01",
        updated_at="2002-01-01",
        last_accessed="2003-01-01",
        expires_at="2099-01-01",
        embedding=[0.5],
    )
    default = Record("x")
    assert all(getattr(record, name) != getattr(default, name) for name in FIELDS)
    store.add_many([record])
    assert store.get("a", include_private=True) == record


def test_columns(store: MemoryStore, path: Path) -> None:
    store.close()
    with sqlite3.connect(path) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(records)")}
        vectors = {row[1] for row in connection.execute("PRAGMA table_info(embeddings)")}
    assert "vector" in vectors
    assert columns - {"seq", "checksum", "version"} == set(FIELDS) - {"embedding", "expires_at"}
