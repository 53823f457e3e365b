"""Is one version of agentmem slower than another? Both run side by side on the same records.

    python benches/versions.py --before PYTHON --after PYTHON [--records 10000 100000 1000000] [--pairs 11]

PYTHON is the interpreter of an environment in which a version of agentmem is installed. For each number of
records, each version builds a store once and keeps it in the cache (`--cache`). Then pairs of processes run,
one of each version, the first of a pair by turns. Each process works on a fresh copy of its version's store
(`--store before` gives both the store that the older version built) and measures:

- open to first hit: from `agentmem.open` to the end of the first search; the quickest of 5;
- searches in each mode with queries of 7 (short) or 53 (long) different words, the best ten: the mean over
  20 queries of the quickest of 5 rounds; the same in scopes of 100, 1,000 and 10,000 records, and the first
  search of all in such a scope;
- single add: the lower quartile of 100 durable adds, one by one;
- bulk add: the quickest of 5 calls of `add_many`, each with 2,000 records.

A pair gives the ratio after/before of each figure: above 1, the newer version is slower. The table has the
median ratio of the pairs and its bootstrap interval of 95 %, and the medians of both versions.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import systems
from prose import Writer

CHILD = Path(__file__).with_name("one_version.py")
CACHE = Path(__file__).parent.parent / "target" / "versions"
COMPONENTS = 32
SCOPES = {10: 100, 40: 1_000, 70: 10_000}
"""Sizes of scopes, by the place of their records in each hundred."""
QUERIES = 20
SINGLE, BULK = 100, 10_000
RESAMPLES = 10_000
VERSIONS = ("before", "after")


class Version:
    """An environment with agentmem in it."""

    def __init__(self, python: str) -> None:
        self.python = python
        self.about: dict[str, str] = json.loads(self.run("describe"))

    def run(self, *arguments: object) -> str:
        """Run `one_version.py` in a process that imports nothing from this folder."""
        command = [self.python, "-I", str(CHILD), *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout

    def store(self, records: Path) -> Path:
        """The folder of this version's store of the records, built if it is not there yet."""
        folder = records.with_name(f"{records.stem}-{self.about['build']}")
        if not folder.exists():
            building = folder.with_suffix(".building")
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            self.run("build", building / "memory.db", records)
            building.rename(folder)
        return folder

    def measure(self, store: Path, task: Path) -> dict[str, float]:
        """Measure a copy of a store in a process of its own."""
        with tempfile.TemporaryDirectory(dir=store.parent) as copy:
            shutil.copytree(store, copy, dirs_exist_ok=True)
            sync(Path(copy))
            return json.loads(self.run("measure", Path(copy) / "memory.db", task))


def sync(folder: Path) -> None:
    """Have a folder's files written to the disk now, not while something is measured."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def with_large_scopes(records: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Spread some larger scopes evenly over the records, each as far as its size goes."""
    for place, record in enumerate(records):
        size = SCOPES.get(place % 100)
        yield {**record, "scope": f"/size/{size}"} if size and place // 100 < size else record


def write_records(records: Iterator[dict[str, Any]], path: Path) -> Path:
    """Write records with vectors as JSON lines, unless they are there."""
    if not path.exists():
        random = numpy.random.default_rng(32)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            for record in records:
                vector = random.normal(size=COMPONENTS).round(3).tolist()
                record = {**record, "created_at": record["created_at"].isoformat(), "embedding": vector}
                file.write(json.dumps(record) + "\n")
        part.rename(path)
    return path


def compare(pairs: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """The median ratio of the pairs with its interval, and both versions' medians, by what was measured."""
    random = numpy.random.default_rng(95)
    drawn = random.integers(0, len(pairs), (RESAMPLES, len(pairs)))
    compared = {}
    for name in pairs[0]["before"]:
        before, after = (numpy.array([pair[version][name] for pair in pairs]) for version in VERSIONS)
        ratios = after / before
        low, high = numpy.percentile(numpy.median(ratios[drawn], axis=1), (2.5, 97.5))
        compared[name] = {
            "ratio": round(float(numpy.median(ratios)), 4),
            "interval": [round(float(low), 4), round(float(high), 4)],
            "before_ms": round(1000 * float(numpy.median(before)), 4),
            "after_ms": round(1000 * float(numpy.median(after)), 4),
        }
    return compared


def table(compared: dict[str, dict[str, Any]]) -> str:
    """What was compared, in Markdown."""
    rows = [
        [
            name,
            f"{found['ratio']:.3f}",
            "{:.3f} to {:.3f}".format(*found["interval"]),
            f"{found['before_ms']:.4g}",
            f"{found['after_ms']:.4g}",
        ]
        for name, found in compared.items()
    ]
    return systems.table(["", "after/before", "95 %", "before, ms", "after, ms"], rows)


def run_pairs(options: argparse.Namespace, versions: dict[str, Version], size: int) -> list[Any]:
    """Measure both versions in turn, as often as there are pairs."""
    writer = Writer()
    records = write_records(with_large_scopes(writer.records(size)), options.cache / f"{size}.scopes.jsonl")
    added = write_records(writer.records(SINGLE + BULK), options.cache / f"{SINGLE + BULK}.added.jsonl")
    vectors = numpy.random.default_rng(33).normal(size=(QUERIES, COMPONENTS)).round(3).tolist()
    task = options.cache / "task.json"
    asked = {"short": writer.questions(7, QUERIES), "long": writer.questions(53, QUERIES), "vectors": vectors}
    scopes = [scope for scope in SCOPES.values() if 100 * scope <= size]
    rest = {"scopes": scopes, "added": str(added), "single": SINGLE}
    task.write_text(json.dumps({**asked, **rest}), encoding="utf-8")
    stores = {
        name: versions[name if options.store == "own" else "before"].store(records) for name in VERSIONS
    }
    pairs = []
    for number in range(options.pairs):
        turns = VERSIONS if number % 2 == 0 else VERSIONS[::-1]
        pairs.append({name: versions[name].measure(stores[name], task) for name in turns})
    return pairs


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare the speed of two versions of agentmem.")
    parser.add_argument("--before", required=True, help="the Python of the older version")
    parser.add_argument("--after", required=True, help="the Python of the newer version")
    parser.add_argument(
        "--records", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the store"
    )
    parser.add_argument("--pairs", type=int, default=11, help="how many pairs of processes run for each size")
    parser.add_argument("--store", choices=["own", "before"], default="own", help="whose store both work on")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where stores are kept")
    parser.add_argument("--json", type=Path, help="where to write the results")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    options = arguments()
    options.cache.mkdir(parents=True, exist_ok=True)
    versions = {name: Version(getattr(options, name)) for name in VERSIONS}
    results: dict[str, Any] = {
        **systems.circumstances([]),
        "versions": {name: version.about for name, version in versions.items()},
        "pairs": options.pairs,
        "records": {},
    }
    print(results["machine"], *(f"{name}: {about}" for name, about in results["versions"].items()), sep="\n")
    for size in options.records:
        compared = results["records"][str(size)] = compare(run_pairs(options, versions, size))
        print(f"\n{size:,} records, {options.pairs} pairs\n", table(compared), sep="\n", flush=True)
        systems.write_json(results, options.json)


if __name__ == "__main__":
    main()
