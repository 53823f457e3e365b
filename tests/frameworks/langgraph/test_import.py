"""What LangGraph's SqliteStore keeps comes into a store, for AgentMemStore."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest
from exports import fingerprint
from langgraph.store.sqlite import SqliteStore

import agentmem
from agentmem import AgentMemError
from agentmem.langgraph import AgentMemStore
from agentmem.langgraph.importer import import_sqlite_store

ITEMS = {
    (("users", "alice"), "contact"): {"text": "Alice prefers email.", "n": [1, 2.5, None, True]},
    (("users", "alice", "a b"), "key/with . dots"): {"nested": {"x": "tea"}},
    (("users", "bob"), ""): {},
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data" / "store.db"
    path.parent.mkdir()
    with SqliteStore.from_conn_string(str(path)) as store:
        store.setup()
        for (namespace, key), value in ITEMS.items():
            store.put(namespace, key, value)
        store.put(("cache",), "short", {"text": "for an hour"}, ttl=60)
        store.put(("cache",), "gone", {"text": "expired"}, ttl=60)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE store SET expires_at = '2020-01-01 00:00:00' WHERE key = 'gone'")
        connection.execute("UPDATE store SET created_at = '2024-05-01 12:00:00' WHERE key = 'contact'")
    return path


@pytest.fixture
def store(tmp_path):
    with agentmem.open(tmp_path / "memory.db", durability="normal") as store:
        yield store


def test_agentmem_store_finds_the_items(file, store):
    before = fingerprint(file.parent)
    report = import_sqlite_store(store, file)
    assert (report.added, report.broken, report.problems) == (4, 0, [])
    assert fingerprint(file.parent) == before
    memory = AgentMemStore(store)
    for (namespace, key), value in ITEMS.items():
        item = memory.get(namespace, key)
        assert (item.namespace, item.key, item.value) == (namespace, key, value)
    assert memory.get(("users", "alice"), "contact").created_at == datetime(
        2024, 5, 1, 12, tzinfo=timezone.utc
    )
    (found,) = memory.search(("users",), query="how to reach Alice?", limit=1)
    assert found.key == "contact"
    assert memory.get(("cache",), "gone") is None
    (short,) = store.list(scope="/langgraph/cache")
    assert timedelta(minutes=50) < short.expires_at - datetime.now(timezone.utc) < timedelta(minutes=61)
    assert short.metadata["ttl"] == 60
    assert memory.list_namespaces() == [
        ("cache",),
        ("users", "alice"),
        ("users", "alice", "a b"),
        ("users", "bob"),
    ]


def test_a_second_import_keeps_what_the_application_wrote_since(file, store):
    import_sqlite_store(store, file)
    AgentMemStore(store).put(("users", "alice"), "contact", {"text": "Alice prefers phone."})
    assert import_sqlite_store(store, file).known == 4
    assert AgentMemStore(store).get(("users", "alice"), "contact").value == {"text": "Alice prefers phone."}


def test_bad_items_are_counted_and_other_files_are_an_error(file, store, tmp_path):
    with closing(sqlite3.connect(file)) as connection, connection:
        for key, value in [("text", '"no object"'), ("half", "{"), ("deep", "[" * 100_000)]:
            connection.execute("INSERT INTO store (prefix, key, value) VALUES ('x', ?, ?)", (key, value))
    report = import_sqlite_store(store, file)
    assert (report.added, report.broken) == (4, 3)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(AgentMemError, match="no table of SqliteStore's"):
        import_sqlite_store(store, tmp_path / "other.db")
    with pytest.raises(AgentMemError, match="there is no file"):
        import_sqlite_store(store, tmp_path)
