"""What one long record costs: hybrid searches in short records, and with a long one beside them.

    python benches/long_records.py [--records 10000] [--sizes 0 16 64 256 1000 4000] [--json FILE]

The long record has so many kB and is a candidate of every search. Measured are the first search, which
reads it, and the median of those after it, which need not unless it is longer than what is kept in memory.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import systems
from prose import Writer

import agentmem

SEARCHES = 31
FACT = "The Zeppelin lands beside the quarry at noon."
QUERY = "when does the zeppelin land beside the quarry"


def long_text(texts: list[str], size: int) -> str:
    """Join texts to so many kB, with the fact in the middle."""
    parts: list[str] = []
    while sum(map(len, parts)) < size * 1000:
        parts += texts[len(parts) % len(texts) :][:100]
    parts.insert(len(parts) // 2, FACT)
    return " ".join(parts)


def searches(folder: Path, texts: list[str], size: int) -> dict[str, float]:
    """Time searches, in milliseconds, where one record has so many kB; none has for 0."""
    with agentmem.open(folder / f"{size}.db") as store:
        store.add_many(texts)
        store.search(QUERY)
        if size:
            store.add(long_text(texts, size), id="long")
        times = []
        for _ in range(SEARCHES):
            start = time.perf_counter()
            hits = store.search(QUERY)
            times.append(1000 * (time.perf_counter() - start))
        assert not size or hits[0].record.id == "long"
    return {"first": round(times[0], 2), "later": round(statistics.median(times[1:]), 2)}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 16, 64, 256, 1000, 4000])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    texts = [record["content"] for record in Writer().records(options.records)]
    with tempfile.TemporaryDirectory(prefix="agentmem-bench-") as folder:
        measured = {size: searches(Path(folder), texts, size) for size in options.sizes}
    print("| kB | first search, ms | later ones, ms |\n| --: | --: | --: |")
    for size, times in measured.items():
        print(f"| {size} | {times['first']} | {times['later']} |")
    systems.write_json(
        {**systems.circumstances([systems.AgentMem]), "records": options.records, "ms": measured},
        options.json,
    )


if __name__ == "__main__":
    main()
