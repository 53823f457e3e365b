"""What a list of records knows of terms."""

from __future__ import annotations

import math
import struct
from collections import Counter
from functools import cache
from typing import Any

import agentmem

from .tuning import BACKGROUND, BAG, TUNING

Row = dict[str, Any]


@cache
def terms_of(text: str) -> Counter[str]:
    """How often each term occurs in a text."""
    return Counter(agentmem.analyze(text))


def length_of(text: str) -> int:
    """The length of a text: how many terms it has, up to a limit."""
    return min(terms_of(text).total(), BAG.LONGEST)


class Statistics:
    """Statistics of these records and no others. Records without terms do not count."""

    def __init__(self, rows: list[Row]) -> None:
        texts = [row["content"] for row in rows if terms_of(row["content"])]
        counts = [terms_of(text) for text in texts]
        self.records = len(counts)
        self.terms = sum(map(length_of, texts))
        self.mean_length = max(1.0, self.terms / self.records) if counts else 1.0
        self.frequencies = Counter(term for count in counts for term in count)

    def idf(self, frequency: int) -> float:
        """See `idf`."""
        return idf(self.records, frequency)

    def smoothed_idf(self, term: str, frequency: int) -> float:
        """The same with less for words that are common elsewhere: the fewer records, the less.

        It has 24 bits, as in the store, so that equal records stay equal when it is added up.
        """
        background = TUNING.BACKGROUND / (TUNING.BACKGROUND + self.records)
        exact = self.idf(frequency) * (1 - background * (1 - rarity(term)))
        return float(struct.unpack("f", struct.pack("f", exact))[0])


@cache
def rarity(term: str) -> float:
    """How rare a term is in texts of any kind."""
    if term in agentmem.analyze(BACKGROUND.WORDS_VERY_COMMON):
        return float(BACKGROUND.VERY_COMMON)
    return float(BACKGROUND.COMMON) if term in agentmem.analyze(BACKGROUND.WORDS_COMMON) else 1.0


def idf(records: int, frequency: int) -> float:
    """Inverse document frequency in the form that never turns negative.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    """
    frequency = min(frequency, records)
    return math.log(1 + (records - frequency + 0.5) / (frequency + 0.5))


def saturation(frequency: int, k1: float, b: float, relative_length: float) -> float:
    """The part of BM25 that depends on the record. Its length, relative to the mean, counts up to a limit."""
    relative_length = min(relative_length, TUNING.LONGEST)
    return frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * relative_length))
