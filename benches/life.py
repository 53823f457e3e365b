"""Journals, expiry and pages, beside SQLite by hand, diskcache and sqlitedict in the same run.

    python benches/life.py [--entries 1000000] [--records 100000] [--rounds 11] [--json FILE]

Rounds alternate between the systems. Each figure is the median of the rounds, in microseconds of wall time
a call.

- append: one durable append of 300 bytes, beside a plain INSERT of the same row at the same durability; and
  with eight threads that append at once, per append;
- last 20: `read(last=20)` of values of 300 bytes, in a store with `--entries` entries;
- put, get: values of 1 kB, each put committed, at durability "full" and "normal", beside diskcache and
  sqlitedict with the same `synchronous`;
- search: hybrid searches in `--records` records without expiry, and in the same records with expiry;
- page: `list(100, order="written", after=version)` at the first and the last page.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diskcache
import sqlitedict
from prose import Writer

import agentmem

CALLS = 200
VALUE = {"role": "assistant", "content": "x" * 260}
KILOBYTE = {"state": "y" * 1000}
SYNCHRONOUS = {"full": 2, "normal": 1}


def timed(work: Callable[[int], object], calls: int = CALLS) -> float:
    """Microseconds a call."""
    start = time.perf_counter()
    for n in range(calls):
        work(n)
    return (time.perf_counter() - start) / calls * 1e6


def by_hand(path: Path, synchronous: int) -> sqlite3.Connection:
    """A table like that of journals, and nothing else."""
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute(f"PRAGMA synchronous = {synchronous}")
    conn.execute(
        "CREATE TABLE entries (number INTEGER PRIMARY KEY, journal INTEGER, written_at INTEGER, value)"
    )
    conn.execute("CREATE INDEX entries_log ON entries(journal, number)")
    return conn


def appends(folder: Path) -> dict[str, Callable[[], float]]:
    """One durable append."""
    store = agentmem.open(folder / "append.db")
    journal = store.journal("sessions/1")
    conn = by_hand(folder / "insert.db", 2)
    text = json.dumps(VALUE)
    insert = "INSERT INTO entries(journal, written_at, value) VALUES (1, 1, ?)"

    def eight() -> float:
        threads = [
            threading.Thread(target=lambda: timed(lambda _: journal.append(VALUE), 50)) for _ in range(8)
        ]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - start) / 400 * 1e6

    return {
        "append": lambda: timed(lambda _: journal.append(VALUE)),
        "append, INSERT by hand": lambda: timed(lambda _: conn.execute(insert, (text,))),
        "append, 8 threads": eight,
    }


def last_entries(folder: Path, entries: int) -> dict[str, Callable[[], float]]:
    """The newest entries of one of many journals."""
    store = agentmem.open(folder / "many.db", durability="normal")
    names = [f"sessions/{n}" for n in range(max(1, entries // 100))]
    for start in range(0, len(names), 500):
        with store.batch() as batch:
            for name in names[start : start + 500]:
                batch.journal(name).extend([VALUE] * 100)
    journals = [store.journal(name) for name in names[:: max(1, len(names) // CALLS)]]
    return {"last 20": lambda: timed(lambda n: journals[n % len(journals)].read(last=20))}


def maps(folder: Path, durability: str) -> dict[str, Callable[[], float]]:
    """Values by key: agentmem, diskcache, sqlitedict."""
    synchronous = SYNCHRONOUS[durability]
    journal = agentmem.open(folder / f"map-{durability}.db", durability=durability).journal("cache")
    cache = diskcache.Cache(str(folder / f"cache-{durability}"), sqlite_synchronous=synchronous)
    table = sqlitedict.SqliteDict(folder / f"dict-{durability}.db", journal_mode="WAL")
    table.conn.execute(f"PRAGMA synchronous = {synchronous}")

    def put_table(n: int) -> None:
        table[f"k{n}"] = KILOBYTE
        table.commit(blocking=True)

    calls: dict[str, Callable[[], float]] = {
        "put": lambda: timed(lambda n: journal.put(f"k{n}", KILOBYTE)),
        "put, diskcache": lambda: timed(lambda n: cache.set(f"k{n}", KILOBYTE)),
        "put, sqlitedict": lambda: timed(put_table),
        "get": lambda: timed(lambda n: journal.get(f"k{n}")),
        "get, diskcache": lambda: timed(lambda n: cache.get(f"k{n}")),
        "get, sqlitedict": lambda: timed(lambda n: table[f"k{n}"]),
    }
    return {f"{name} ({durability})": call for name, call in calls.items()}


def searches(folder: Path, records: int) -> dict[str, Callable[[], float]]:
    """Search beside records that will expire, and pages of a list."""
    texts = [record["content"] for record in Writer().records(records)]
    questions = [" ".join(texts[n].split()[:7]) for n in range(0, records, max(1, records // 50))]
    stores = {}
    for name, expires_at in (("plain", None), ("expiring", "2100-01-01")):
        store = stores[name] = agentmem.open(folder / f"{name}.db", durability="normal")
        for start in range(0, records, 10_000):
            part = texts[start : start + 10_000]
            store.add_many({"content": text, "expires_at": expires_at} for text in part)
    plain, expiring = stores["plain"], stores["expiring"]
    last = plain.list(100, order="updated")[-1].version
    return {
        "search": lambda: timed(lambda n: plain.search(questions[n % len(questions)])),
        "search, all expire": lambda: timed(lambda n: expiring.search(questions[n % len(questions)])),
        "first page": lambda: timed(lambda _: plain.list(100, order="written", after=0)),
        "last page": lambda: timed(lambda _: plain.list(100, order="written", after=last - 1)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentmem-life-") as name:
        folder = Path(name)
        calls = {
            **appends(folder),
            **last_entries(folder, arguments.entries),
            **maps(folder, "full"),
            **maps(folder, "normal"),
            **searches(folder, arguments.records),
        }
        times: dict[str, list[float]] = {call: [] for call in calls}
        for _ in range(arguments.rounds + 1):
            for call, measure in calls.items():
                times[call].append(measure())
    medians = {call: round(statistics.median(rounds[1:]), 1) for call, rounds in times.items()}
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "versions": {
            "agentmem": agentmem.__version__,
            "diskcache": diskcache.__version__,
            "sqlitedict": sqlitedict.__version__,
            "sqlite3": sqlite3.sqlite_version,
        },
        "entries": arguments.entries,
        "records": arguments.records,
        "rounds": arguments.rounds,
        "microseconds": medians,
    }
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
