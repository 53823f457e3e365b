"""How alike two rankings are."""

from __future__ import annotations

from collections.abc import Sequence


def overlap_at(left: Sequence[str], right: Sequence[str], depth: int) -> float:
    """The share of the first `depth` places that both have, or of the longer list; 1 if both are empty."""
    first, second = set(left[:depth]), set(right[:depth])
    longest = max(len(first), len(second))
    return len(first & second) / longest if longest else 1.0


def rank_biased_overlap(left: Sequence[str], right: Sequence[str], p: float = 0.9) -> float:
    """How alike two rankings are, from 0 to 1; the first places count most.

    It is extrapolated from what is seen: formula 32 of Webber, Moffat and Zobel, "A similarity measure for
    indefinite rankings", 2010. With p = 0.9, the first ten places have 86 % of the weight.
    """
    short, long = sorted((left, right), key=len)
    if not short:
        return 0.0 if long else 1.0
    s, whole = len(short), len(long)
    common = [len(set(short[:depth]) & set(long[:depth])) for depth in range(1, whole + 1)]
    seen = sum(common[d - 1] / d * p**d for d in range(1, whole + 1))
    beyond = sum(common[s - 1] * (d - s) / (s * d) * p**d for d in range(s + 1, whole + 1))
    rest = ((common[whole - 1] - common[s - 1]) / whole + common[s - 1] / s) * p**whole
    return (1 - p) / p * (seen + beyond) + rest
