"""Health: what is checked, copied and built again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspector.sample import fill
from inspector.test_record import Visitor

import agentmem
from agentmem import MemoryStore
from agentmem.inspect.failures import PageError
from agentmem.inspect.jobs import Jobs


@pytest.fixture
def store(path: Path) -> Iterator[MemoryStore]:
    fill(path, conversation=False)
    with agentmem.open(path) as store:
        yield store


@pytest.fixture
def visitor(store: MemoryStore) -> Visitor:
    visitor = Visitor(store)
    visitor.get("/health")
    return visitor


def job(visitor: Visitor) -> dict[str, Any]:
    found: dict[str, Any] = visitor.get("/health.json").json()["job"]
    return found


def test_sizes_in_words(visitor: Visitor, store: MemoryStore) -> None:
    page = visitor.get("/health").text
    assert "14 records" in page
    assert "1 of them is private and hidden here" in page
    assert visitor.get("/health.json").json()["stats"]["records"] == store.stats().records


def test_a_sound_store_is_well(visitor: Visitor) -> None:
    assert "All is well." in visitor.post("/health/verify").text
    assert job(visitor)["result"] == {"ok": True, "records": 14, "problems": []}
    assert visitor.post("/health/rebuild").status_code == 200
    assert job(visitor)["result"] == {"records": 14}


def test_problems_are_listed_and_the_rest_is_exported(path: Path, store: MemoryStore) -> None:
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET importance = 0.123 WHERE id = 'fact-3'")
    connection.close()
    with agentmem.open(path) as damaged:
        visitor = Visitor(damaged)
        visitor.get("/health")
        page = visitor.post("/health/verify").text
        assert "fact-3" in page
        assert visitor.get("/record?id=fact-3").status_code == 500
        page = visitor.get("/record?id=fact-3").text
        assert "damaged" in page
        assert 'href="/health">Check the store</a>' in page
        visitor.get("/health")
        visitor.post("/health/export", name="saved.jsonl")
        assert job(visitor)["result"]["records"] == 12
        assert "fact-3" not in (path.parent / "saved.jsonl").read_text("utf-8")


def test_a_backup_is_a_store(visitor: Visitor, path: Path) -> None:
    visitor.post("/health/backup", name="copy.db")
    assert job(visitor)["result"]["path"] == str(path.parent / "copy.db")
    with agentmem.open(path.parent / "copy.db") as copy:
        assert copy.count(include_private=True) == 14


def test_nothing_is_overwritten_or_written_elsewhere(visitor: Visitor, path: Path) -> None:
    elsewhere = ["", "..", "../new.db", "/tmp/new.db", "folder\\new.db", "new\0.db"]
    for action in ("/health/backup", "/health/export"):
        assert visitor.post(action, name=path.name).status_code == 409
        assert {visitor.post(action, name=name).status_code for name in elsewhere} == {400}


def test_a_read_only_inspector_may_check(store: MemoryStore) -> None:
    visitor = Visitor(store, read_only=True)
    page = visitor.get("/health").text
    assert "Back up" not in page
    assert "All is well." in visitor.post("/health/verify").text
    assert visitor.post("/health/rebuild").status_code == 405


def test_one_job_runs_at_a_time() -> None:
    jobs, go = Jobs(), threading.Event()
    first = jobs.start("first", lambda progress: {"waited": go.wait(10)})
    with pytest.raises(PageError, match="first"):
        jobs.start("second", lambda progress: {})
    go.set()
    first.wait(10)
    assert first.result == {"waited": True}
    second = jobs.start("second", lambda progress: {"count": [][1]})
    second.wait(10)
    assert not second.running
    assert second.failure is not None
    assert second.failure["status"] == 500
