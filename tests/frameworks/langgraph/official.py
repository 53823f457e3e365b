"""A pytest plugin that puts AgentMemStore in the place of LangGraph's own stores, for their tests.

No Postgres runs: connections to it do nothing. Left out is what is about a replaced store's inside, about
distances other than the cosine or other ways to connect to Postgres, and what `OTHERWISE` names.
"""

import inspect
import re
import tempfile
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import langgraph.store.memory
import langgraph.store.postgres
import langgraph.store.sqlite
import langgraph.store.sqlite.aio
import psycopg
from langgraph.store.base import BaseStore
from postgres_server import place

from agentmem._adapters import key_id
from agentmem.langgraph import AgentMemStore
from agentmem.langgraph._expiry import KEPT_FOR

INSIDE = re.compile(
    r"MIGRATIONS|_escape_|_match_pattern|_cursor\(|\.conn\b|_ainternal|_get_batch_list|_a?row_exists"
)
VARIANTS = re.compile(r"l2|inner_product|hamming|\[pipe|\[pool")

OTHERWISE = {
    "test_no_running_loop": "the synchronous methods work on the thread of an event loop, too",
    "test_sql_injection_vulnerability": "any filter key is legal, because none becomes SQL",
    "test_omit_expired_disabled_preserves_expired_rows[default": "expired items are kept only on demand",
}

FOLDER = Path(tempfile.mkdtemp(prefix="agentmem-official-"))
FILES = {}


def file_of(connection):
    """The file for a connection string; a new one for ":memory:"."""
    number = len(FILES)
    key = number if connection == ":memory:" else connection
    return FILES.setdefault(key, place(FOLDER / f"{number}.db"))


def options(index=None, ttl=None, **_):
    """The documented names, and the default of SqliteStore, which differs from what TTLConfig documents."""
    if index is not None:
        index = {**index, "fields": index.get("text_fields") or index.get("fields")}
    return {"index": index, "ttl": {"refresh_on_read": False, **ttl} if ttl else None}


class Memory(AgentMemStore):
    def __init__(self, **arguments):
        super().__init__(file_of(":memory:"), **options(**arguments))


class Sync(AgentMemStore):
    MIGRATIONS = ()

    @classmethod
    @contextmanager
    def from_conn_string(cls, connection, **arguments):
        store = cls(file_of(connection), **options(**arguments))
        yield store
        store.close()

    def setup(self):
        pass

    @contextmanager
    def _cursor(self):
        yield Nothing()


class Async(BaseStore):
    """AgentMemStore with a sweeper of coroutines, as the asynchronous stores of LangGraph have it."""

    MIGRATIONS = ()
    supports_ttl = True

    def __init__(self, inner):
        self.inner = inner
        self.ttl_config, self.index_config = inner.ttl_config, inner.index_config

    @classmethod
    @asynccontextmanager
    async def from_conn_string(cls, connection, **arguments):
        inner = AgentMemStore(file_of(connection), **options(**arguments))
        yield cls(inner)
        inner.close()

    @property
    def store(self):
        return self.inner.store

    def batch(self, ops):
        return self.inner.batch(ops)

    async def abatch(self, ops):
        return await self.inner.abatch(ops)

    async def setup(self):
        pass

    async def sweep_ttl(self):
        return self.inner.sweep_ttl()

    async def start_ttl_sweeper(self):
        return self.inner.start_ttl_sweeper()

    async def stop_ttl_sweeper(self):
        return self.inner.stop_ttl_sweeper()

    @asynccontextmanager
    async def _cursor(self):
        yield AsyncNothing()


class Nothing:
    """A connection or a cursor that does nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, *_):
        pass


class AsyncNothing:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def execute(self, *_):
        pass


async def connect(*_, **__):
    return AsyncNothing()


langgraph.store.memory.InMemoryStore = Memory
langgraph.store.sqlite.SqliteStore = Sync
langgraph.store.sqlite.AsyncSqliteStore = langgraph.store.sqlite.aio.AsyncSqliteStore = Async
langgraph.store.postgres.PostgresStore = Sync
langgraph.store.postgres.AsyncPostgresStore = Async
psycopg.Connection.connect = lambda *_, **__: Nothing()
psycopg.AsyncConnection.connect = connect


def expire_now(store, namespace, key):
    item = store.store.get(key_id(*namespace, key))
    later = KEPT_FOR if "kept" in item.metadata else timedelta()
    store.store.touch(item.id, expires_at=datetime.now(timezone.utc) - timedelta(minutes=1) + later)


def expires_at(store, namespace, key):
    item = store.store.get(key_id(*namespace, key))
    return item and item.expires_at


async def aexpire_now(*arguments):
    expire_now(*arguments)


async def aexpires_at(*arguments):
    return expires_at(*arguments)


# In place of functions of Postgres's tests that look into tables.
HELPERS = {
    "_expire_now": expire_now,
    "_stored_expires_at": expires_at,
    "_aexpire_now": aexpire_now,
    "_astored_expires_at": aexpires_at,
}


def pytest_collection_modifyitems(config, items):
    kept, left_out = [], []
    for item in items:
        for name, helper in HELPERS.items():
            if hasattr(item.module, name):
                setattr(item.module, name, helper)
        inside = INSIDE.search(inspect.getsource(item.function))
        otherwise = item.name.startswith(tuple(OTHERWISE))
        (left_out if VARIANTS.search(item.name) or inside or otherwise else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
