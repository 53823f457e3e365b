"""Stores in PostgreSQL, beside a plain table with a GIN index in the same database and the same run.

    python benches/postgres.py [--records 10000 100000] [--adds 500] [--json FILE]

It starts a server of its own (Debian's `postgresql`) with the server's own defaults for durability.

- search: p50 in milliseconds of wall time, one space of so many records, by modes, for questions of 7 and of
  53 words, on a host whose index is loaded; beside it `ts_rank` over a table with a GIN index, limit 10;
- cold: seconds until the first search of a host that has no index file, and of one that has them;
- adds: durable single adds per second by 1 and 16 threads, in spaces of their own and in one; beside it
  INSERTs of the same text into a table with a GIN index, by as many connections;
- wal: bytes of write-ahead log per added record of 200 characters, and per INSERT.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from prose import Writer

import agentmem

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from postgres_server import Server

QUESTIONS = 50
TABLE = """
    CREATE TABLE plain (id bigserial PRIMARY KEY, content text NOT NULL,
                        words tsvector GENERATED ALWAYS AS (to_tsvector('english', content)) STORED);
    CREATE INDEX plain_words ON plain USING gin (words)
"""
RANKED = """
    SELECT id, ts_rank(words, query) AS rank FROM plain, to_tsquery('english', %s) AS query
    WHERE words @@ query ORDER BY rank DESC LIMIT 10
"""


def p50(work: Callable[[str], object], questions: list[str]) -> float:
    """Milliseconds of wall time of a call."""
    work(questions[0])
    took = []
    for question in questions:
        start = time.perf_counter()
        work(question)
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def any_word(question: str) -> str:
    """A tsquery that any word of a question satisfies."""
    return " | ".join(word for word in question.split() if word.isalnum())


def searches(server: Server, writer: Writer, size: int) -> dict[str, Any]:
    url = server.store(space_depth=1)
    texts = [record["content"] for record in writer.records(size)]
    with agentmem.open(url) as store:
        for start in range(0, size, 10_000):
            store.add_many([{"content": text, "scope": "/a"} for text in texts[start : start + 10_000]])
    with psycopg.connect(server.url(), autocommit=True) as plain:
        plain.execute("DROP TABLE IF EXISTS plain")
        plain.execute(TABLE)
        with plain.cursor().copy("COPY plain (content) FROM STDIN") as copy:
            for text in texts:
                copy.write_row((text,))
        plain.execute("VACUUM ANALYZE plain")
        found: dict[str, Any] = {"records": size}
        shutil.rmtree(os.environ["XDG_CACHE_HOME"])
        for name in ("cold", "warm"):
            start = time.perf_counter()
            with agentmem.open(url) as store:
                store.search("anything at all", scope="/a")
                found[name] = time.perf_counter() - start
        with agentmem.open(url) as store:
            for words in (7, 53):
                questions = writer.questions(words, QUESTIONS)
                for mode in ("bm25", "hybrid"):

                    def search(question, mode=mode):
                        return store.search(question, scope="/a", mode=mode)

                    found[f"{mode} {words}"] = p50(search, questions)
                found[f"ts_rank {words}"] = p50(
                    lambda question: plain.execute(RANKED, (any_word(question),)).fetchall(), questions
                )
    return found


def rate(threads: int, adds: int, add: Callable[[int, int], object]) -> float:
    """Adds per second of so many threads."""

    def work(thread: int) -> None:
        for n in range(adds // threads):
            add(thread, n)

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return adds / (time.perf_counter() - start)


def writes(server: Server, writer: Writer, adds: int) -> dict[str, Any]:
    texts = [record["content"][:200] for record in writer.records(100)]
    found: dict[str, Any] = {}
    with agentmem.open(server.store(space_depth=1), pool_size=16) as store:
        for threads in (1, 16):

            def own(thread, n):
                return store.add(texts[n % 100], scope=f"/{thread}")

            found[f"own spaces, {threads}"] = rate(threads, adds, own)

            def one(thread, n):
                return store.add(texts[n % 100], scope="/one")

            found[f"one space, {threads}"] = rate(threads, adds, one)
        found["wal"] = wal(server, lambda n: store.add(texts[n % 100], scope="/one"))
    connections = [psycopg.connect(server.url(), autocommit=True) for _ in range(16)]
    connections[0].execute("DROP TABLE IF EXISTS plain")
    connections[0].execute(TABLE)
    insert = "INSERT INTO plain (content) VALUES (%s)"
    for threads in (1, 16):

        def plain(thread, n):
            return connections[thread].execute(insert, (texts[n % 100],))

        found[f"GIN, {threads}"] = rate(threads, adds, plain)
    found["wal, GIN"] = wal(server, lambda n: connections[0].execute(insert, (texts[n % 100],)))
    for connection in connections:
        connection.close()
    return found


def wal(server: Server, add: Callable[[int], object]) -> float:
    """Bytes of write-ahead log of an add, after a checkpoint."""
    server.sql("CHECKPOINT")
    for n in range(500):  # the first change of a page after a checkpoint writes the whole page
        add(n)
    before = server.sql("SELECT pg_current_wal_lsn()")
    for n in range(2000):
        add(n)
    return float(server.sql(f"SELECT pg_current_wal_lsn() - '{before}'::pg_lsn")) / 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--adds", type=int, default=1600)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    writer = Writer()
    server = Server("shared_buffers=512MB", "max_connections=60", durable=True)
    try:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            results = {
                "machine": platform.platform(),
                "agentmem": agentmem.__version__,
                "postgresql": server.sql("SHOW server_version"),
                "command": " ".join(sys.argv),
                "writes": writes(server, writer, options.adds),
                "searches": [searches(server, writer, size) for size in options.records],
            }
    finally:
        server.remove()
    print(json.dumps(results, indent=2))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
