"""Fits the score of mode "hybrid": the probability that a reader calls a hit relevant.

    python benches/calibrate.py --data DIR [--sets a,b] [--split dev]

Each set, as `quality.py` reads it, is searched with its own queries, and each of its stores with those of the
next store, for which nothing is relevant. A logistic regression over the two features that
`src/rank/calibration.rs` describes is fitted on all sets but one and judged on that one; sets about the same
records are left out together. The table has AUC, ECE and alarm (`reliability.py`) of this model, and of the
score as it is built in. Then come the constants for `src/rank/tuning.rs`, fitted on all sets.

Sets weigh the same, however many queries they have, but for those of `WEIGHTS`. The last table says what the
adapters' threshold of 0.6 does to the first five hits (`agentmem/_similarity.py`): the share of the relevant
ones that it keeps, and the share of the next store's questions for which nothing is left. Hard ones have the
names of the next store's speakers replaced by the store's own.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import quality
import systems
from reliability import COUNTED, Judged

import agentmem
from agentmem._similarity import similarity

SIGNALS = ("terms", "grams", "rare_grams", "lead", "pairs", "label", "feedback")
BEHIND = 5
RIDGE = 1e-3
THRESHOLD = 0.6
MEASURES = ("AUC", "ECE", "alarm")
RELATED = "locomo"
"""Sets whose names begin so have the same records and questions, and are left out together."""
WEIGHTS = {"cranfield": 0.4, "memdaily_zh": 0.4, "msmarco_dl_mini": 0.0}
"""Sets in which a fifth of all hits is relevant, or nearly all, which is not what a store is like."""


@dataclass
class Query:
    """A query with its first hits."""

    hits: list[agentmem.Hit]
    relevant: set[str]
    kind: str
    """It is about the store ("own"), another ("foreign"), or another with this one's names ("hard")."""

    def features(self) -> numpy.ndarray:
        """The support, and the evidence times its lead, of the first hits."""
        parts = [hit.explain for hit in self.hits]
        orders = [sum(part.get(signal, 0.0) for signal in SIGNALS) for part in parts]
        greatest, most = max(orders) or 1.0, max(part.get("bm25", 0.0) for part in parts) or 1.0
        rows = []
        for place, part in enumerate(parts[:COUNTED]):
            behind = orders[place + BEHIND] if place + BEHIND < len(orders) else 0.0
            lead = max(0.0, (orders[place] - behind) / greatest)
            support = part.get("coverage", 0.0) * part.get("bm25", 0.0) / most
            rows.append((support, part.get("evidence", 0.0) * lead**1.5))
        return numpy.array(rows)

    def ranking(self, scores: list[float]) -> list[tuple[str, float]]:
        """The ids of the hits with these scores. Those that rise are replaced by their mean."""
        pools: list[tuple[float, int]] = []
        for score in scores:
            mean, size = score, 1
            while pools and pools[-1][0] < mean:
                before, count = pools.pop()
                mean, size = (before * count + mean * size) / (count + size), count + size
            pools.append((mean, size))
        falling = [mean for mean, size in pools for _ in range(size)]
        return [(hit.record.id, float(score)) for hit, score in zip(self.hits, falling, strict=False)]


@dataclass
class Set:
    """A set with the hits of its queries."""

    name: str
    queries: list[Query] = field(default_factory=list)
    x: numpy.ndarray = field(init=False)
    """The features of all hits."""
    y: numpy.ndarray = field(init=False)
    """Which of them are relevant."""

    def __post_init__(self) -> None:
        """Collect features and labels."""
        asked = [query for query in self.queries if query.hits and query.kind != "hard"]
        self.x = numpy.vstack([query.features() for query in asked])
        self.y = numpy.array(
            [hit.record.id in query.relevant for query in asked for hit in query.hits[:COUNTED]], dtype=float
        )

    def judged(self, model: numpy.ndarray | None) -> Judged:
        """Judge the scores of a model, or those that are built in."""
        judged = Judged()
        for query in self.queries:
            if query.kind == "hard":
                continue
            if model is None or not query.hits:
                scores = [hit.score for hit in query.hits[:COUNTED]]
            else:
                scores = list(probability(query.features(), model))
            hits = query.ranking(scores)
            judged.add(hits, query.relevant) if query.kind == "own" else judged.add_foreign(hits)
        return judged


def read(folder: Path, split: str) -> Set:
    """Search a set."""
    collection = quality.Collection.read(folder, split)
    following = collection.stores[1:] + collection.stores[:1]
    queries: list[Query] = []
    for store, other in zip(collection.stores, following, strict=True):
        with tempfile.TemporaryDirectory() as place, agentmem.open(Path(place) / "memory.db") as memory:
            memory.add_many([{"id": key, "content": text} for key, text in store.records.items()])
            for text, relevant, kind in asked(store, other, collection.grades):
                queries.append(Query(memory.search(text, COUNTED + BEHIND), relevant, kind))
    return Set(folder.name, queries)


def asked(
    store: quality.Store, other: quality.Store, grades: dict[str, dict[str, int]]
) -> Iterator[tuple[str, set[str], str]]:
    """The queries of a store with what is relevant, and those of another."""
    for key, text in store.queries.items():
        yield text, set(grades[key]), "own"
    if other is not store:
        renamed = dict(zip(speakers(other), speakers(store), strict=False))
        for text in other.queries.values():
            yield text, set(), "foreign"
            for name, own in renamed.items():
                text = re.sub(rf"\b{re.escape(name)}\b", own, text)
            yield text, set(), "hard"


def speakers(store: quality.Store) -> list[str]:
    """Who speaks in a store whose records are turns ("Alice: ...")."""
    labels = [re.match(r"(\w+):", text) for text in store.records.values()]
    return list(dict.fromkeys(label[1] for label in labels if label)) if all(labels) else []


def probability(features: numpy.ndarray, model: numpy.ndarray) -> numpy.ndarray:
    """The probabilities of hits under a model: a constant, and a coefficient for each feature."""
    return 1 / (1 + numpy.exp(-(model[0] + features @ model[1:])))


def fit(sets: list[Set]) -> numpy.ndarray:
    """Logistic regression by Newton's method, with a slight penalty on coefficients of scaled features."""
    x, y = numpy.vstack([one.x for one in sets]), numpy.concatenate([one.y for one in sets])
    weights = numpy.concatenate(
        [numpy.full(len(one.y), WEIGHTS.get(one.name, 1.0) / len(one.y)) for one in sets]
    )
    weights /= weights.sum()
    mean = weights @ x
    scale = numpy.sqrt(weights @ (x - mean) ** 2)
    z = numpy.column_stack([numpy.ones(len(x)), (x - mean) / scale])
    penalty = RIDGE * numpy.diag([0.0, *numpy.ones(x.shape[1])])
    model = numpy.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + numpy.exp(-z @ model))
        slope = z.T @ (weights * (p - y)) + penalty @ model
        model -= numpy.linalg.solve((z.T * (weights * p * (1 - p))) @ z + penalty, slope)
    coefficients = model[1:] / scale
    return numpy.array([model[0] - coefficients @ mean, *coefficients])


def others(sets: list[Set], one: Set) -> list[Set]:
    """The sets to fit on when `one` is judged."""
    related = one.name.startswith(RELATED)
    return [s for s in sets if s is not one and not (related and s.name.startswith(RELATED))]


def leaving_out(sets: list[Set]) -> str:
    """How well models do on sets that they were not fitted on, beside the score that is built in."""
    rows = []
    for one in sets:
        models = (fit(others(sets, one)), None)
        measured = [one.judged(model).measures() for model in models]
        rows.append(
            [one.name, *(f"{m[name]:.3f}" if name in m else "" for m in measured for name in MEASURES)]
        )
    kinds = ("left out", "built in")
    return systems.table(["set", *(f"{name}, {kind}" for kind in kinds for name in MEASURES)], rows)


def adapters(sets: list[Set]) -> str:
    """What a threshold on the similarity keeps and silences."""
    rows = []
    for one in sets:
        kept: list[bool] = []
        silent: dict[str, list[bool]] = {"foreign": [], "hard": []}
        for query in one.queries:
            likes = [(hit.record.id, similarity(hit)) for hit in query.hits[:5]]
            if query.kind == "own":
                kept += [like >= THRESHOLD for key, like in likes if key in query.relevant]
            else:
                silent[query.kind].append(all(like < THRESHOLD for _, like in likes))
        if silent["foreign"]:
            shares = [kept, silent["foreign"], silent["hard"]]
            rows.append([one.name, *(f"{numpy.mean(share):.3f}" for share in shares)])
    return systems.table(["set", f"kept at {THRESHOLD}", "silent", "silent, hard"], rows)


def main() -> None:
    """Search, fit, print."""
    parser = argparse.ArgumentParser(description="Fits the score of mode hybrid.")
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", help="which of them, with commas between")
    parser.add_argument("--split", choices=("all", "dev", "test"), default="all")
    options = parser.parse_args()
    names = sorted(p.parent.name for p in options.data.glob("*/qrels.tsv"))
    names = options.sets.split(",") if options.sets else names
    sets = [read(options.data / name, options.split) for name in names]
    print(leaving_out(sets))
    base, support, evidence_lead = fit(sets)
    print(f"\nBASE = {base:.2f}, SUPPORT = {support:.2f}, EVIDENCE_LEAD = {evidence_lead:.2f}\n")
    print(adapters(sets))


if __name__ == "__main__":
    main()
