"""What is measured on a PostgreSQL server, each in a database of its own: agentmem, a table with a GIN index,
LangGraph's PostgresStore and mem0's pgvector.

The last two rank by vectors, and need pgvector. Their texts get vectors of 384 dimensions from a random
generator. A model's time is not counted.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy
from postgres_server import Server
from psycopg_pool import ConnectionPool

import agentmem

DIMENSION = 384
WRITERS = 16
LIMIT = 10
Way = Callable[[str, str], object]
"""A search: a scope and a question."""


def vector(text: str) -> list[float]:
    """A vector that belongs to a text."""
    random = numpy.random.default_rng(zlib.crc32(text.encode()))
    return random.standard_normal(DIMENSION).astype(numpy.float32).tolist()


def chunks(texts: list[str], size: int) -> Iterable[list[str]]:
    """So many at a time."""
    rest = iter(texts)
    return iter(lambda: list(islice(rest, size)), [])


def new_database(server: Server) -> str:
    """An empty database; its name."""
    name = f"d{uuid.uuid4().hex}"
    server.sql(f"CREATE DATABASE {name}")
    return name


class Agentmem:
    """Scopes are spaces, as `agentmem migrate` makes them by default."""

    name = "agentmem"
    most = None

    def __init__(self, server: Server) -> None:
        self.database = new_database(server)
        self.url = server.url(self.database)
        agentmem.migrate(self.url)
        self.store = agentmem.open(self.url, pool_size=WRITERS)
        self.ways: dict[str, Way] = {
            mode: lambda scope, question, mode=mode: self.search(scope, question, mode)
            for mode in ("bm25", "hybrid")
        }

    def load(self, scope: str, texts: list[str]) -> None:
        """Many records at once."""
        for some in chunks(texts, 10_000):
            self.store.add_many([{"content": text, "scope": f"/{scope}"} for text in some])

    def search(self, scope: str, question: str, mode: str) -> object:
        """In one space."""
        return self.store.search(question, LIMIT, scope=f"/{scope}", mode=mode)

    def add(self, scope: str, text: str) -> None:
        """One record, durably."""
        self.store.add(text, scope=f"/{scope}")

    def close(self) -> None:
        """Give the connections back."""
        self.store.close()


class Gin:
    """A table with a GIN index on a tsvector, ranked by ts_rank."""

    name = "ts_rank"
    most = None
    table = """
        CREATE TABLE plain (id bigserial PRIMARY KEY, scope text NOT NULL, content text NOT NULL,
                            words tsvector GENERATED ALWAYS AS (to_tsvector('english', content)) STORED);
        CREATE INDEX plain_words ON plain USING gin (words);
        CREATE INDEX plain_scope ON plain (scope)
    """
    ranked = f"""
        SELECT id, content, ts_rank(words, query) AS rank FROM plain, to_tsquery('english', %s) AS query
        WHERE words @@ query AND scope = %s ORDER BY rank DESC LIMIT {LIMIT}
    """

    def __init__(self, server: Server) -> None:
        self.database = new_database(server)
        options = {"autocommit": True}
        self.pool = ConnectionPool(server.url(self.database), min_size=WRITERS, kwargs=options, open=True)
        with self.pool.connection() as connection:
            connection.execute(self.table)
        self.ways: dict[str, Way] = {"ts_rank": self.search}

    def load(self, scope: str, texts: list[str]) -> None:
        """Many rows at once."""
        rows = "COPY plain (scope, content) FROM STDIN"
        with self.pool.connection() as connection, connection.cursor().copy(rows) as copy:
            for text in texts:
                copy.write_row((scope, text))

    def search(self, scope: str, question: str) -> object:
        """Rows with any of the words."""
        words = " | ".join(word for word in question.split() if word.isalnum())
        with self.pool.connection() as connection:
            return connection.execute(self.ranked, (words, scope)).fetchall()

    def add(self, scope: str, text: str) -> None:
        """One row, durably."""
        with self.pool.connection() as connection:
            connection.execute("INSERT INTO plain (scope, content) VALUES (%s, %s)", (scope, text))

    def close(self) -> None:
        """Give the connections back."""
        self.pool.close()


class LangGraph:
    """LangGraph's PostgresStore with its index of vectors (HNSW)."""

    name = "LangGraph PostgresStore"
    most = 10_000

    def __init__(self, server: Server) -> None:
        from langgraph.store.base import PutOp
        from langgraph.store.postgres import PostgresStore

        self.database = new_database(server)
        self._put = PutOp
        index: Any = {"dims": DIMENSION, "embed": lambda texts: [*map(vector, texts)], "fields": ["text"]}
        self._opened = PostgresStore.from_conn_string(
            server.url(self.database), pool_config={"min_size": 1, "max_size": WRITERS}, index=index
        )
        self.store = self._opened.__enter__()
        self.store.setup()
        self.ways: dict[str, Way] = {"vectors": self.search}

    def load(self, scope: str, texts: list[str]) -> None:
        """Many values at once."""
        for some in chunks(texts, 500):
            self.store.batch([self._put((scope,), uuid.uuid4().hex, {"text": text}) for text in some])

    def search(self, scope: str, question: str) -> object:
        """The nearest vectors of a namespace."""
        return self.store.search((scope,), query=question, limit=LIMIT)

    def add(self, scope: str, text: str) -> None:
        """One value."""
        self.store.put((scope,), uuid.uuid4().hex, {"text": text})

    def close(self) -> None:
        """Give the connections back."""
        self._opened.__exit__(None, None, None)


class Mem0:
    """The class that mem0 keeps its memories in, with its index of vectors (HNSW)."""

    name = "mem0 pgvector"
    most = 10_000

    def __init__(self, server: Server) -> None:
        from mem0.vector_stores.pgvector import PGVector

        self.database = new_database(server)
        self.store = PGVector(
            dbname=self.database,
            collection_name="memories",
            embedding_model_dims=DIMENSION,
            user=server.user,
            password="",
            host="127.0.0.1",
            port=server.port,
            diskann=False,
            hnsw=True,
            minconn=1,
            maxconn=WRITERS,
        )
        self.ways: dict[str, Way] = {"vectors": self.search}

    def load(self, scope: str, texts: list[str]) -> None:
        """Many memories at once."""
        for some in chunks(texts, 500):
            payloads = [{"data": text, "user_id": scope} for text in some]
            self.store.insert([*map(vector, some)], payloads, [str(uuid.uuid4()) for _ in some])

    def search(self, scope: str, question: str) -> object:
        """The nearest vectors of a user."""
        return self.store.search(question, vector(question), LIMIT, {"user_id": scope})

    def add(self, scope: str, text: str) -> None:
        """One memory."""
        self.store.insert([vector(text)], [{"data": text, "user_id": scope}], [str(uuid.uuid4())])

    def close(self) -> None:
        """Give the connections back."""
        self.store.connection_pool.close()


SYSTEMS: list[Any] = [Agentmem, Gin, LangGraph, Mem0]
