"""How far scores can be believed: how many of the hits with a score were relevant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10
FEW = 30
"""Fewer labels than this say little."""
_FEW_FALSE_ALARMS = 0.9
_Z = 1.96


@dataclass(frozen=True)
class Judged:
    """A score, and whether the record was relevant."""

    score: float
    relevant: bool


@dataclass(frozen=True)
class Bin:
    """The labels whose scores are in one tenth of the scale."""

    count: int
    relevant: int
    mean_score: float
    low: float
    high: float
    """The share of relevant ones is between `low` and `high` with 95 % confidence."""

    @property
    def share(self) -> float:
        """The share of relevant ones."""
        return self.relevant / self.count


def bins(judged: Sequence[Judged]) -> list[Bin]:
    """The tenths of the scale that have labels, lowest first."""
    sorted_in: list[list[Judged]] = [[] for _ in range(BINS)]
    for one in judged:
        sorted_in[min(int(one.score * BINS), BINS - 1)].append(one)
    return [_bin(inside) for inside in sorted_in if inside]


def _bin(inside: Sequence[Judged]) -> Bin:
    relevant = sum(one.relevant for one in inside)
    mean = sum(one.score for one in inside) / len(inside)
    return Bin(len(inside), relevant, mean, *wilson(relevant, len(inside)))


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share: Wilson, "Probable inference, the law of succession, and statistical
    inference", 1927."""
    share = successes / count
    middle = share + _Z**2 / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    whole = 1 + _Z**2 / count
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def at_threshold(judged: Sequence[Judged], threshold: float) -> tuple[float | None, float | None]:
    """Precision and recall if only hits with at least this score are kept; None for a share of nothing."""
    kept = [one for one in judged if one.score >= threshold]
    right = sum(one.relevant for one in kept)
    relevant = sum(one.relevant for one in judged)
    return (right / len(kept) if kept else None), (right / relevant if relevant else None)


def suggested_threshold(judged: Sequence[Judged]) -> float | None:
    """The least score, with two decimals, that leaves nine relevant ones of ten labels; None if none does."""
    for threshold in sorted({math.ceil(100 * one.score) / 100 for one in judged}):
        precision, _ = at_threshold(judged, threshold)
        if precision is not None and precision >= _FEW_FALSE_ALARMS:
            return threshold
    return None
