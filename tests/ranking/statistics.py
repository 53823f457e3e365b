"""What a list of records knows of terms."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from typing import Any

import agentmem

Row = dict[str, Any]


@cache
def terms_of(text: str) -> Counter[str]:
    """How often each term occurs in a text."""
    return Counter(agentmem.analyze(text))


class Statistics:
    """Statistics of these records and no others. Records without terms do not count."""

    def __init__(self, rows: list[Row]) -> None:
        counts = [count for row in rows if (count := terms_of(row["content"]))]
        self.records = len(counts)
        self.terms = sum(count.total() for count in counts)
        self.mean_length = max(1.0, self.terms / self.records) if counts else 1.0
        self.frequencies = Counter(term for count in counts for term in count)

    def idf(self, frequency: int) -> float:
        """See `idf`."""
        return idf(self.records, frequency)


def idf(records: int, frequency: int) -> float:
    """Inverse document frequency in the form that never turns negative.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    """
    frequency = min(frequency, records)
    return math.log(1 + (records - frequency + 0.5) / (frequency + 0.5))


def saturation(frequency: int, k1: float, b: float, relative_length: float) -> float:
    """The part of BM25 that depends on the record: its length is relative to the mean length."""
    return frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * relative_length))
