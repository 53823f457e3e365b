"""How well searches rank: agentmem beside SQLite FTS5, bm25s, tantivy and scikit-learn, in one run.

    python benches/quality.py [--data DIR] [--sets a,b] [--split dev] [--json FILE] [--markdown]
    python benches/quality.py --embedder minilm     # agentmem alone, without and with vectors

A set is a folder with `corpus.jsonl` (`_id`, `text`), `queries.jsonl` (`_id`, `text`) and `qrels.tsv` (a
heading, then query, record and grade). Where `metadata.store` is given, each store is searched on its own.
Measured are, averaged over all queries of a set:

- nDCG@10: linear gain, log2 discount, as trec_eval has it;
- Recall@5 and Recall@10: the share of the relevant records that are among the first;
- MRR@10: one over the rank of the first relevant record.

Each peer's nDCG@10 is compared with that of agentmem's default mode, query by query, by a randomisation
test; a star in the tables means p < .05 over all comparisons of the run (Bonferroni). The dialogue option
is tried on sets whose records name a speaker.

`reliability.py` measures whether the score says how likely a hit is relevant: AUC, ECE, and in sets with
several stores the alarm: for how many of the next store's questions something here scores 0.5 or more. Peers'
scores are divided by the highest one of the set. `--plots DIR` draws the default mode's reliability.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import systems
import tables
from reliability import Judged, diagram, overlay
from systems import System

HERE = Path(__file__).parent
OURS = "agentmem hybrid"
METRICS = ("nDCG@10", "Recall@5", "Recall@10", "MRR@10")

Measured = dict[str, float]
"""What a query gave, by metric."""


@dataclass
class Store:
    """Records that are searched together, and the queries about them."""

    name: str
    records: dict[str, str] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)


@dataclass
class Collection:
    """A set: its stores, and for each query the grades of the records that are relevant."""

    name: str
    stores: list[Store]
    grades: dict[str, dict[str, int]]
    dialogue: bool
    """The records are turns: their metadata name a speaker."""

    @classmethod
    def read(cls, folder: Path, split: str) -> Collection:
        """Read a set, with all its queries or a half of them."""
        stores: dict[str, Store] = {}
        for name, key, text in _lines(folder / "corpus.jsonl"):
            stores.setdefault(name, Store(name)).records[key] = text
        for name, key, text in _lines(folder / "queries.jsonl"):
            if split in ("all", half(name or key)):
                stores[name].queries[key] = text
        asked = [store for store in stores.values() if store.queries]
        dialogue = '"speaker"' in (folder / "corpus.jsonl").read_text(encoding="utf-8")
        return cls(folder.name, asked, _grades(folder), dialogue)


def half(name: str) -> str:
    """Say to which half a query belongs: that of its store, if it has one."""
    return "test" if zlib.crc32(name.encode()) % 2 else "dev"


def _lines(file: Path) -> list[tuple[str, str, str]]:
    """Store, id and text of each line."""
    with file.open(encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    return [((item.get("metadata") or {}).get("store") or "", item["_id"], item["text"]) for item in items]


def _grades(folder: Path) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, record, grade = line.split("\t")
        if int(grade) > 0:
            grades.setdefault(query, {})[record] = int(grade)
    return grades


def judge(ranking: list[str], grades: dict[str, int]) -> Measured:
    """Judge one ranking by the grades of the records that are relevant."""
    discount = 1 / numpy.log2(numpy.arange(2, 12))
    gains = numpy.array([grades.get(key, 0) for key in ranking[:10]])
    ideal = numpy.sort(list(grades.values()))[::-1][:10]
    ranks = [rank for rank, gain in enumerate(gains, start=1) if gain]
    values = (
        gains @ discount[: len(gains)] / (ideal @ discount[: len(ideal)]),
        sum(rank <= 5 for rank in ranks) / len(grades),
        len(ranks) / len(grades),
        1 / ranks[0] if ranks else 0.0,
    )
    return {metric: round(float(value), 4) for metric, value in zip(METRICS, values, strict=True)}


class Filled:
    """A system that holds one store, in a folder of its own for as long as the `with` lasts."""

    def __init__(self, system: type[System], store: Store) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="agentmem-bench-")
        self.system = system(Path(self.folder.name))
        keys = self.system.add([{"content": text} for text in store.records.values()])
        self.names = dict(zip(keys, store.records, strict=True))

    def __enter__(self) -> Filled:
        return self

    def __exit__(self, *_: object) -> None:
        self.system.close()
        self.folder.cleanup()

    def ask(self, way: str, query: str, limit: int = 10) -> list[tuple[str, float]]:
        """Search; the ids are the set's own."""
        return [(self.names[key], score) for key, score in self.system.searches()[way](query, limit)]


Rankings = dict[str, dict[str, Measured]]
"""What each way to search gave for each query."""


def measure(collection: Collection, system: type[System]) -> tuple[Rankings, dict[str, Judged]]:
    """Ask a system all queries of a set, each way it can, and each store those of the next one too."""
    found: Rankings = {}
    judged: dict[str, Judged] = {}
    following = collection.stores[1:] + collection.stores[:1]
    for store, other in zip(collection.stores, following, strict=True):
        with Filled(system, store) as filled:
            for way in filled.system.searches():
                if "dialogue" in way and not collection.dialogue:
                    continue
                scores = judged.setdefault(way, Judged())
                for key, query in store.queries.items():
                    hits = filled.ask(way, query)
                    found.setdefault(way, {})[key] = judge([name for name, _ in hits], collection.grades[key])
                    scores.add(hits, set(collection.grades[key]))
                for query in other.queries.values() if other is not store else ():
                    scores.add_foreign(filled.ask(way, query))
    return found, judged


def mean(queries: dict[str, Measured]) -> Measured:
    """Average over queries."""
    return {
        metric: round(float(numpy.mean([query[metric] for query in queries.values()])), 4)
        for metric in METRICS
    }


def significance(ours: dict[str, Measured], theirs: dict[str, Measured], rounds: int = 10_000) -> Measured:
    """Compare nDCG@10 query by query: the mean difference, and how likely one as great is by chance alone.

    A paired randomisation test (Smucker, Allan and Carterette, CIKM 2007): if the systems were alike, each
    difference might as well have the other sign.
    """
    difference = numpy.array([ours[key]["nDCG@10"] - theirs[key]["nDCG@10"] for key in ours])
    random = numpy.random.default_rng(439)
    extreme = 0
    for _ in range(rounds):
        signs = random.integers(0, 2, len(difference)) * 2 - 1
        extreme += abs(signs @ difference) >= abs(difference.sum()) - 1e-9
    return {"difference": round(float(difference.mean()), 4), "p": (extreme + 1) / (rounds + 1)}


def run_set(folder: Path, split: str, under_test: list[type[System]]) -> tuple[dict[str, Any], Judged]:
    """Measure all systems on a set; and return how the default mode's hits were judged."""
    collection = Collection.read(folder, split)
    found: Rankings = {}
    judged: dict[str, Judged] = {}
    for system in under_test:
        rankings, scores = measure(collection, system)
        found |= rankings
        # Peers' scores have no scale.
        judged |= {way: one if system is systems.AgentMem else one.scaled() for way, one in scores.items()}
    others = [way for way in found if not way.startswith("agentmem ")]
    results = {
        "queries": len(found[OURS]),
        "stores": len(collection.stores),
        "systems": {way: mean(queries) for way, queries in found.items()},
        "against": {way: significance(found[OURS], found[way]) for way in others},
        "reliability": {way: one.measures() for way, one in judged.items()},
        "per_query": found,
    }
    return results, judged[OURS]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="How well searches rank.")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of sets")
    parser.add_argument("--sets", help="which of them, with commas between")
    parser.add_argument(
        "--split", choices=("all", "dev", "test"), default="all", help="all queries, or a half"
    )
    parser.add_argument("--embedder", choices=["minilm"], help="agentmem without and with this embedder")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--plots", type=Path, help="where to draw reliability diagrams")
    parser.add_argument("--no-per-query", action="store_true", help="write averages only")
    parser.add_argument("--markdown", action="store_true", help="print tables of all metrics")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    options = arguments()
    others = [systems.AgentMemMiniLM] if options.embedder else systems.PEERS
    under_test = systems.installed([systems.AgentMem, *others])
    chosen = (
        options.sets.split(",")
        if options.sets
        else sorted(p.parent.name for p in options.data.glob("*/qrels.tsv"))
    )
    results: dict[str, Any] = {**systems.circumstances(under_test), "split": options.split, "sets": {}}
    judged: dict[str, Judged] = {}
    for name in chosen:
        found, judged[name] = run_set(options.data / name, options.split, under_test)
        results["sets"][name] = found
        line = ", ".join(f"{way} {value['nDCG@10']:.3f}" for way, value in found["systems"].items())
        print(f"{name}: nDCG@10 of {found['queries']} queries: {line}", flush=True)
        print(f"  reliability of the default mode: {found['reliability'][OURS]}", flush=True)
        if options.no_per_query:
            del found["per_query"]
    if options.plots:
        overlay(judged, options.plots / "reliability.svg")
        diagram(judged, options.plots / "reliability-sets.svg")
    systems.write_json(results, options.json)
    if options.markdown:
        print("\n" + tables.quality(results["sets"]))


if __name__ == "__main__":
    main()
