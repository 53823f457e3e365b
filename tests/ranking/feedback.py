"""What the best candidates have in common speaks for the others that hold it.

This is Rocchio feedback (Rocchio, "Relevance feedback in information retrieval", 1971).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from . import words
from .first_stage import best
from .passage import Passage
from .signals import Values
from .statistics import Statistics
from .tuning import TUNING

SLACK = 1e-7
"""The store knows an idf to 24 bits."""


def feedback(
    passages: list[Passage],
    trust: Values,
    idfs: dict[str, float],
    statistics: Statistics,
    saturation: Callable[[int, Passage], float],
) -> Values:
    """The signal.

    `trust` says how good each passage seems so far. `idfs` are those of the query's terms. The `passages`
    hold their terms as written.
    """
    trusted = best(dict(enumerate(trust)), TUNING.feedback.TEXTS, SLACK)
    whole = sum(trust[i] for i in trusted)
    if not whole:
        return [0.0] * len(passages)
    pool: dict[str, float] = {}
    for i in trusted:
        vector = {
            term: saturation(count, passages[i]) * idf(term, idfs, statistics)
            for term, count in Counter(passages[i].terms).items()
        }
        length = math.hypot(*vector.values())
        for term, component in vector.items():
            pool[term] = pool.get(term, 0.0) + trust[i] / whole * (component / length if length else 0.0)
    numbered = dict(enumerate(pool.items()))
    profile = best({number: weight for number, (_, weight) in numbered.items()}, TUNING.feedback.TERMS, SLACK)

    def similarity(passage: Passage) -> float:
        counts = Counter(passage.terms)
        found = [numbered[number] for number in profile if counts[numbered[number][0]]]
        return sum(weight * saturation(counts[term], passage) for term, weight in found)

    return [similarity(passage) for passage in passages]


def idf(term: str, idfs: dict[str, float], statistics: Statistics) -> float:
    """A query's term keeps the idf that it has there. Stop words have none."""
    if term in words.stop_terms():
        return 0.0
    return idfs.get(term, statistics.smoothed_idf(term, statistics.frequencies[term]))
