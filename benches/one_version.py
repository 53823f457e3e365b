"""What `versions.py` runs with the Python of each version. It needs nothing but agentmem.

python one_version.py describe                  the version and a hash of its compiled module, as JSON
python one_version.py build STORE RECORDS       make a store of the records in a file
python one_version.py measure STORE TASK        measure a store, and print seconds by what was measured
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import agentmem
import agentmem._core

BATCH = 10_000
ROUNDS = 5
MODES: dict[str, dict[str, Any]] = {
    "hybrid": {},
    "hybrid, dialogue": {"dialogue": True},
    "hybrid, recency": {"recency_weight": 0.3},
    "bm25": {"mode": "bm25"},
    "tfidf": {"mode": "tfidf"},
}


def describe() -> dict[str, str]:
    """Say which version this is."""
    module = Path(agentmem._core.__file__).read_bytes()
    return {
        "agentmem": importlib.metadata.version("agentmem-db"),
        "python": platform.python_version(),
        "build": hashlib.sha256(module).hexdigest()[:12],
    }


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Read records from a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield {**record, "created_at": datetime.fromisoformat(record["created_at"])}


def build(path: Path, records: Path) -> None:
    """Make a store."""
    store = agentmem.open(path, durability="normal")
    remaining = read_records(records)
    while batch := list(islice(remaining, BATCH)):
        store.add_many(batch)
    store.close()


def seconds(work: Callable[..., object], *arguments: Any, **options: Any) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - start


def quickest(searches: list[Callable[[], object]]) -> float:
    """The mean over all searches of the quickest of some rounds, after one to warm up."""
    rounds = [[seconds(search) for search in searches] for _ in range(1 + ROUNDS)]
    return statistics.mean(min(times) for times in zip(*rounds[1:], strict=True))


def open_and_search(path: Path, query: str) -> float:
    """How long it takes to open a store and to search it once."""
    start = time.perf_counter()
    store = agentmem.open(path)
    store.search(query)
    took = time.perf_counter() - start
    store.close()
    return took


def measure_scopes(store: agentmem.MemoryStore, task: dict[str, Any]) -> dict[str, float]:
    """Search in scopes of some sizes."""
    measured = {}
    for size in task["scopes"]:
        scope = f"/size/{size}"
        place = f"scope of {size:,}"
        measured[f"first search, {place}"] = seconds(store.search, task["short"][0], scope=scope)
        for length in ("short", "long"):
            for mode in ("hybrid", "bm25"):
                searches = [
                    lambda text=text, mode=mode, scope=scope: store.search(text, mode=mode, scope=scope)
                    for text in task[length]
                ]
                measured[f"{mode}: {length} query, {place}"] = quickest(searches)
    return measured


def measure(path: Path, task: dict[str, Any]) -> dict[str, float]:
    """Open a store, search it in all modes, and add to it."""
    measured = {"open to first hit": min(open_and_search(path, task["short"][0]) for _ in range(ROUNDS))}
    store = agentmem.open(path)
    for length in ("short", "long"):
        for mode, options in MODES.items():
            searches = [
                lambda text=text, options=options: store.search(text, **options) for text in task[length]
            ]
            measured[f"{mode}: {length} query"] = quickest(searches)
    measured |= measure_scopes(store, task)
    pairs = list(zip(task["short"], task["vectors"], strict=True))
    for name, options in {"vector": {"mode": "vector"}, "hybrid and vector": {}}.items():
        searches = [
            lambda text=text, vector=vector, options=options: store.search(text, vector=vector, **options)
            for text, vector in pairs
        ]
        measured[name] = quickest(searches)
    added = list(read_records(Path(task["added"])))
    single, bulk = added[: task["single"]], added[task["single"] :]
    measured["single add"] = statistics.quantiles((seconds(store.add, **record) for record in single), n=4)[0]
    size = len(bulk) // ROUNDS
    batches = [bulk[start : start + size] for start in range(0, len(bulk), size)]
    measured["bulk add, a record"] = min(seconds(store.add_many, batch) for batch in batches) / size
    store.close()
    return measured


def main() -> None:
    """Do what the command line says."""
    command, *arguments = sys.argv[1:]
    if command == "describe":
        print(json.dumps(describe()))
    elif command == "build":
        build(Path(arguments[0]), Path(arguments[1]))
    else:
        print(
            json.dumps(
                measure(Path(arguments[0]), json.loads(Path(arguments[1]).read_text(encoding="utf-8")))
            )
        )


if __name__ == "__main__":
    main()
