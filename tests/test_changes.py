"""The change feed: what any process wrote and deleted, in order, since a cursor."""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from clock import Clock
from hypothesis import HealthCheck
from hypothesis import strategies as st
from replica import Replica

import agentmem
from agentmem import InvalidFilterError, MemoryStore


def contents(store: MemoryStore, **viewer: Any) -> dict[str, str]:
    return {record.id: record.content for record in store.list(None, **viewer)}


def kinds(store: MemoryStore, after: Any) -> list[tuple[str, Any]]:
    return [(change.kind, change.id) for change in store.changes(after).items]


def test_writes_come_in_their_order(quick: MemoryStore) -> None:
    quick.add_many([{"content": "one", "id": "a"}, {"content": "two", "id": "b"}])
    quick.update("a", content="three")
    changes = quick.changes()
    writes = [change for change in changes.items if change.kind == "write"]
    assert [(change.id, change.record.content) for change in writes] == [("b", "two"), ("a", "three")]
    assert [change.version for change in writes] == sorted(change.version for change in writes)
    assert changes.complete
    assert quick.changes(changes.cursor).items == []


def test_the_current_position(quick: MemoryStore) -> None:
    quick.add("before", id="before")
    quick.delete("before")
    position = quick.changes(limit=0)
    assert position.items == []
    assert quick.changes(position.cursor).items == []
    quick.add("after", id="after")
    assert kinds(quick, position.cursor) == [("write", "after")]
    assert quick.changes(position.cursor, limit=0).cursor == quick.changes(limit=0).cursor


def test_a_deletion_names_the_version_that_is_gone(quick: MemoryStore) -> None:
    """Of the record nothing is left to be told."""
    quick.add("x", id="a")
    (record,) = quick.list()
    cursor = quick.changes(limit=0).cursor
    quick.delete("a")
    (change,) = quick.changes(cursor).items
    assert (change.kind, change.version, change.id, change.record) == ("delete", record.version, None, None)


def test_touches_and_expiry_do_not_appear(quick: MemoryStore, clock: Clock) -> None:
    quick.add("x", id="a", ttl=60)
    cursor = quick.changes(limit=0).cursor
    quick.touch("a")
    quick.touch("a", ttl=30)
    clock.move(30)
    assert quick.changes(cursor).items == []
    quick.purge()
    assert quick.changes(cursor).items == []


def test_what_others_write_is_there(quick: MemoryStore) -> None:
    cursor = quick.changes(limit=0).cursor
    script = "import agentmem, sys; s = agentmem.open(sys.argv[1]); s.add('x', id='theirs')"
    subprocess.run([sys.executable, "-c", script, quick.path], check=True, timeout=60)
    assert kinds(quick, cursor) == [("write", "theirs")]


def test_private_records_are_for_those_who_may_see_them(quick: MemoryStore) -> None:
    """A page of what one may not see does not stop the reader: its cursor goes on."""
    quick.add_many({"content": "secret", "private": True, "source": "me"} for _ in range(5))
    quick.add("public", id="public")
    assert [change.id for change in quick.changes().items] == ["public"]
    assert len(quick.changes(source="me").items) == len(quick.changes(include_private=True).items) == 6
    assert len(quick.changes(source="you").items) == 1
    seen, cursor = [], None
    for _ in range(10):
        page = quick.changes(cursor, limit=1)
        cursor = page.cursor
        seen += [change.id for change in page.items]
    assert seen == ["public"]


@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@hypothesis.given(data=st.data())
def test_a_replica_knows_what_the_store_knows(quick: MemoryStore, data: st.DataObject) -> None:
    """Whatever is written, and however the feed is cut into pages."""
    ids = st.sampled_from("abc")
    quick.reset()
    replica = Replica()
    replica.follow(quick)
    for n in range(data.draw(st.integers(0, 12))):
        id = data.draw(ids)
        match data.draw(
            st.sampled_from(["put", "update", "supersede", "delete", "reset", "batch", "follow"])
        ):
            case "put":
                quick.put(f"put {n}", id=id)
            case "update" if quick.get(id):
                quick.update(id, content=f"updated {n}")
            case "supersede" if quick.get(id):
                quick.supersede(id, f"superseded {n}")
            case "delete":
                quick.delete(id)
            case "reset":
                quick.reset()
            case "batch":
                with quick.batch() as batch:
                    batch.put(f"first {n}", id="a")
                    batch.delete("b")
                    batch.put(f"last {n}", id="a")
            case "follow":
                replica.follow(quick, data.draw(st.integers(1, 3)))
    replica.follow(quick, data.draw(st.integers(1, 3)))
    assert replica.contents() == contents(quick)
    late = Replica()
    late.follow(quick, 2)
    assert late.contents() == contents(quick)


@pytest.mark.file
def test_deletions_that_are_forgotten_are_admitted(path: Path) -> None:
    """The store forgets deletions that every index file knows; who stands before them must start anew."""
    with agentmem.open(path, durability="normal") as store:
        ids = store.add_many(f"note {n}" for n in range(100))
        cursor = store.changes(limit=0).cursor
        store.delete(ids[:50])
        assert store.changes(cursor).complete
    with contextlib.closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("DELETE FROM deletions")
        conn.execute("INSERT INTO meta VALUES ('pruned_deletion', 1)")
    with agentmem.open(path) as store:
        assert not store.changes(cursor).complete
        assert store.changes().complete


def test_a_cursor_outlives_the_process(quick: MemoryStore) -> None:
    """It is a value that can be kept: pickled, and used with a store that was opened again."""
    quick.add("before")
    kept = pickle.loads(pickle.dumps(quick.changes(limit=0).cursor))
    quick.add("after", id="after")
    with agentmem.open(quick.path) as again:
        assert kinds(again, kept) == [("write", "after")]


@pytest.mark.parametrize(
    "arguments",
    [
        *({"limit": -1}, {"limit": True}, {"limit": 1.5}, {"limit": "1"}),
        *({"after": -1}, {"after": object()}, {"after": b"x"}, {"after": "nonsense"}, {"source": 5}),
        {"include_private": "yes"},
    ],
    ids=lambda arguments: str(arguments)[:20],
)
def test_bad_input(quick: MemoryStore, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        quick.changes(**arguments)
