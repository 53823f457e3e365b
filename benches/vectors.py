"""How fast the nearest vectors are found: agentmem beside numpy's exact cosines, in one run.

    python benches/vectors.py [--records 100000 1000000] [--dimension 384] [--rounds N] [--json FILE]

The vectors lie around 2,000 centres, as those of an embedding model do, and are normalised. In rounds in
which the two take turns, on one thread of numpy's and as many of agentmem's as it likes:

- search: milliseconds from a query's vector to the best ten; agentmem's are whole records, numpy's are rows.
  p50 / p95 over the queries of their medians over the rounds;
- recall: the part of numpy's best ten that agentmem finds;
- open: seconds from opening the file to the first hit, in a process that has imported what it needs;
- memory: megabytes of its own (anonymous) that this took, numpy's array and the scores of one query;
- disk: megabytes. agentmem keeps the exact vectors in the database, and a byte for each component in the
  index.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy
import systems
from systems import AgentMem

import agentmem

CENTRES = 2_000
QUERIES = 40
BATCH = 10_000
LIMIT = 10


def vectors(count: int, dimension: int, seed: int) -> numpy.ndarray:
    """Make vectors around the centres, the same for the same seed."""
    centres = numpy.random.default_rng(5).standard_normal((CENTRES, dimension), dtype="f4")
    random = numpy.random.default_rng([seed, count])
    made = centres[random.integers(0, CENTRES, count)]
    made += 0.7 * random.standard_normal((count, dimension), dtype="f4")
    return made / numpy.linalg.norm(made, axis=1, keepdims=True)


def batches(count: int, dimension: int) -> Iterator[numpy.ndarray]:
    """Make the vectors of a store, some at a time."""
    for start in range(0, count, BATCH):
        yield vectors(min(BATCH, count - start), dimension, start)


def fill(path: Path, count: int, dimension: int) -> None:
    """Write a store whose records are named by the rows of their vectors."""
    with agentmem.open(path) as store:
        for number, batch in enumerate(batches(count, dimension)):
            names = (str(number * BATCH + row) for row in range(len(batch)))
            store.add_many(
                agentmem.Record(f"v{name}", id=name, embedding=vector.tolist())
                for name, vector in zip(names, batch, strict=True)
            )


def measure(path: Path, count: int, dimension: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Ask both, in turns."""
    queries = vectors(QUERIES, dimension, 9)
    before, start = systems.anonymous(), time.perf_counter()
    with agentmem.open(path) as store:

        def ask_agentmem(query: numpy.ndarray) -> list[int]:
            hits = store.search("", LIMIT, mode="vector", vector=query.tolist())
            return [int(hit.record.id) for hit in hits]

        ask_agentmem(queries[0])
        opened = time.perf_counter() - start
        memory = systems.anonymous() - before
        before = systems.anonymous()
        matrix = numpy.concatenate(list(batches(count, dimension)))

        def ask_numpy(query: numpy.ndarray) -> list[int]:
            scores = matrix @ query
            best = numpy.argpartition(-scores, LIMIT)[:LIMIT]
            return best[numpy.argsort(-scores[best])].tolist()

        ways = {"agentmem": ask_agentmem, "numpy": ask_numpy}
        taken: dict[str, list[list[float]]] = {way: [[] for _ in queries] for way in ways}
        shared = 0
        for _ in range(rounds):
            for place, query in enumerate(queries):
                found = {}
                for way, ask in ways.items():
                    start = time.perf_counter()
                    found[way] = ask(query)
                    taken[way][place].append(time.perf_counter() - start)
                shared += len(set(found["agentmem"]) & set(found["numpy"]))
        results = {way: percentiles(times) for way, times in taken.items()}
        disk = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
    results["agentmem"] |= {
        "recall": round(shared / (rounds * QUERIES * LIMIT), 4),
        "open_seconds": round(opened, 3),
        "memory_mb": round(memory / 1e6, 1),
        "disk_mb": round(disk / 1e6, 1),
    }
    results["numpy"] |= {"memory_mb": round((matrix.nbytes + 4 * count) / 1e6, 1)}
    return results


def percentiles(times: list[list[float]]) -> dict[str, float]:
    """In milliseconds."""
    p50, p95 = numpy.percentile(1000 * numpy.median(times, axis=1), (50, 95))
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def show(measured: dict[str, dict[str, Any]]) -> str:
    """As a table."""
    columns = ("p50", "p95", "recall", "open_seconds", "memory_mb", "disk_mb")
    rows = [
        [way, *(f"{values[column]:,}" if column in values else "" for column in columns)]
        for way, values in measured.items()
    ]
    return systems.table(["", "p50 ms", "p95 ms", "recall", "open s", "memory MB", "disk MB"], rows)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="How fast the nearest vectors are found.")
    parser.add_argument("--records", type=int, nargs="+", default=[100_000], help="sizes of the store")
    parser.add_argument("--dimension", type=int, default=384, help="components of each vector")
    parser.add_argument("--rounds", type=int, default=5, help="how often each query is asked")
    parser.add_argument("--json", type=Path, help="where to write the results")
    options = parser.parse_args()
    results: dict[str, Any] = {**systems.circumstances([AgentMem]), "dimension": options.dimension}
    results["versions"]["numpy"] = numpy.__version__
    for count in options.records:
        with tempfile.TemporaryDirectory(prefix="agentmem-bench-") as folder:
            path = Path(folder) / "memory.db"
            fill(path, count, options.dimension)
            measured = measure(path, count, options.dimension, options.rounds)
        results.setdefault("records", {})[str(count)] = measured
        print(f"\n{count:,} records\n\n{show(measured)}", flush=True)
        systems.write_json(results, options.json)


if __name__ == "__main__":
    main()
