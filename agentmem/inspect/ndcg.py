"""How well rankings agree with labels."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_DEPTH = 10
_RESAMPLES = 1000


@dataclass(frozen=True)
class Mean:
    """A mean over queries, with its 95 % interval."""

    value: float
    low: float
    high: float


def ndcg(ranking: Sequence[str], relevant: Collection[str]) -> float:
    """nDCG@10 of a ranking with labels of two grades: Järvelin and Kekäläinen, "Cumulated gain-based
    evaluation of IR techniques", 2002."""
    gained = sum(1 / math.log2(at + 2) for at, id in enumerate(ranking[:_DEPTH]) if id in relevant)
    best = sum(1 / math.log2(at + 2) for at in range(min(len(relevant), _DEPTH)))
    return gained / best if best else 0.0


def mean(values: Sequence[float]) -> Mean:
    """The mean, with an interval from a bootstrap over the values. The same values give the same interval."""
    chance = random.Random(0)
    means = sorted(sum(chance.choices(values, k=len(values))) / len(values) for _ in range(_RESAMPLES))
    return Mean(sum(values) / len(values), means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES) - 1])
