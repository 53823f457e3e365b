"""What a long life does to a store: one half of whose records were replaced, beside the same store when new.

    python benches/replaced.py [--records 100000] [--rounds N] [--json FILE]

Half of the records, chosen at random, are deleted and written again under new ids, a hundred at a time, while
another thread searches. Then, with both stores open and taking turns:

- search: p50 in milliseconds of processor time, modes bm25 and hybrid, questions of 7 and of 53 words;
- disk: megabytes of the database and of the index files, after closing;
- rebuilt: the same after `rebuild()`, which gives back the room that deleted records left;
- longest: milliseconds of the longest search while records were replaced, and of the longest write. Of the
  writer's time only that of the processor counts, for the disk's belongs to the machine.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import systems
from prose import Writer
from systems import AgentMem

import agentmem

QUESTIONS = 50
BATCH = 100
FIELDS = ("content", "scope", "metadata", "categories", "importance", "created_at")


def replace_half(path: Path, question: str) -> dict[str, float]:
    """Replace half of the records; say how long the longest search and the longest write took."""
    searches: list[float] = []
    writes: list[float] = []
    done = threading.Event()
    with agentmem.open(path) as store:

        def search() -> None:
            while not done.wait(0.002):
                start = time.perf_counter()
                store.search(question, 10, mode="bm25")
                searches.append(time.perf_counter() - start)

        searcher = threading.Thread(target=search)
        searcher.start()
        ids = [record.id for record in store.list(None)]
        ids = random.Random(1).sample(ids, len(ids) // 2)
        for start in range(0, len(ids), BATCH):
            old = [record for record in store.get_many(ids[start : start + BATCH]) if record]
            new = [{field: getattr(record, field) for field in FIELDS} for record in old]
            worked = time.thread_time()
            store.delete([record.id for record in old])
            store.add_many(new)
            writes.append(time.thread_time() - worked)
        done.set()
        searcher.join()
    return {
        "longest_search_ms": round(1000 * max(searches), 1),
        "longest_write_ms": round(1000 * max(writes), 1),
    }


def search_times(paths: dict[str, Path], rounds: int) -> dict[str, dict[str, float]]:
    """Ask all stores, in turns."""
    stores = {name: agentmem.open(path, read_only=True) for name, path in paths.items()}
    writer = Writer()
    results: dict[str, dict[str, float]] = {name: {} for name in stores}
    for kind, words in (("short", 7), ("long", 53)):
        questions = writer.questions(words, QUESTIONS)
        for mode in ("bm25", "hybrid"):
            taken: dict[str, list[list[float]]] = {name: [[] for _ in questions] for name in stores}
            for _ in range(rounds):
                for name, store in stores.items():
                    for place, question in enumerate(questions):
                        start = time.process_time()
                        store.search(question, 10, mode=mode)
                        taken[name][place].append(time.process_time() - start)
            for name, times in taken.items():
                p50 = statistics.median(statistics.median(times_of) for times_of in times)
                results[name][f"{mode}_{kind}_ms"] = round(1000 * p50, 3)
    for store in stores.values():
        store.close()
    return results


def disk(path: Path) -> dict[str, float]:
    """Megabytes of a closed store."""
    index = path.with_name(path.name + "-index")
    files = sum(file.stat().st_size for file in index.iterdir()) if index.exists() else 0
    return {"database_mb": round(path.stat().st_size / 1e6, 1), "index_mb": round(files / 1e6, 1)}


def measure(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Make the stores and compare them."""
    paths = {name: folder / name / "memory.db" for name in ("new", "replaced", "rebuilt")}
    for path in paths.values():
        path.parent.mkdir()
    writer = Writer()
    fresh = AgentMem(paths["new"].parent)
    fresh.add(list(writer.records(count)))
    fresh.close()
    shutil.copytree(paths["new"].parent, paths["replaced"].parent, dirs_exist_ok=True)
    pauses = replace_half(paths["replaced"], writer.questions(7, 1)[0])
    with agentmem.open(paths["replaced"]) as store:
        store.backup(paths["rebuilt"])
    with agentmem.open(paths["rebuilt"]) as store:
        store.rebuild()
    measured = search_times(paths, rounds)
    return {**pauses, "stores": {name: {**measured[name], **disk(path)} for name, path in paths.items()}}


def show(measured: dict[str, Any]) -> str:
    """As a table."""
    columns = list(measured["stores"]["new"])
    rows = [
        [name, *(f"{values[column]:,}" for column in columns)] for name, values in measured["stores"].items()
    ]
    longest = ", ".join(f"{name}: {value}" for name, value in measured.items() if name != "stores")
    return f"{systems.table(['', *(column.replace('_', ' ') for column in columns)], rows)}\n\n{longest}"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What a long life does to a store.")
    parser.add_argument("--records", type=int, nargs="+", default=[100_000], help="sizes of the store")
    parser.add_argument("--rounds", type=int, default=5, help="how often each question is asked")
    parser.add_argument("--json", type=Path, help="where to write the results")
    options = parser.parse_args()
    results: dict[str, Any] = systems.circumstances([AgentMem])
    for count in options.records:
        with tempfile.TemporaryDirectory(prefix="agentmem-bench-") as folder:
            measured = measure(Path(folder), count, options.rounds)
        results.setdefault("records", {})[str(count)] = measured
        print(f"\n{count:,} records\n\n{show(measured)}", flush=True)
        systems.write_json(results, options.json)


if __name__ == "__main__":
    main()
