"""The plain modes, and the first stage of the hybrid one: BM25 and TF-IDF cosine of every record."""

from __future__ import annotations

import math
from collections import Counter

from . import words
from .statistics import Row, Statistics, length_of, saturation, terms_of
from .tuning import BM25, TUNING


class UndecidedError(Exception):
    """Rounding decides what belongs to the best: the values on both sides of the cut are nearly equal."""


def best(values: dict[int, float], count: int, slack: float) -> list[int]:
    """The keys of the greatest `count` values, the greatest first; of equal ones the first stays first.

    Values that differ by less than `slack` times the greatest may be equal to the store, or change places.
    """
    order = sorted(values, key=lambda key: -values[key])
    if 0 < count < len(order):
        last, next_one = values[order[count - 1]], values[order[count]]
        if 0 < last - next_one <= slack * values[order[0]]:
            raise UndecidedError
    return order[:count]


def keywords(query: str) -> Counter[str]:
    """The query's terms without those of stop words, or with them if nothing else is left."""
    query = both_ends(query)
    kept = [
        surface.term
        for word in words.words(query)
        for surface in word.surfaces()
        if surface.text not in words.stop_words()
    ]
    return Counter(kept or words.terms(query))


def both_ends(text: str) -> str:
    """A text, or of a long one so many bytes of its beginning and its end."""
    data = text.encode()
    if len(data) <= TUNING.MAX_QUERY_BYTES:
        return text
    half = TUNING.MAX_QUERY_BYTES // 2
    return "\n".join(part.decode(errors="ignore") for part in (data[:half], data[-half:]))


def heaviest(weights: dict[str, float], frequencies: dict[str, int]) -> dict[str, float]:
    """The terms that are looked up; of too many those that no record holds go first, then the lightest."""
    if len(weights) > TUNING.MAX_TERMS:
        weights = {term: weight for term, weight in weights.items() if frequencies[term]}
    order = sorted(weights, key=lambda term: (-weights[term], term))
    return {term: weights[term] for term in order[: TUNING.MAX_TERMS]}


def bm25_scores(rows: list[Row], statistics: Statistics, weights: dict[str, float]) -> dict[int, float]:
    """BM25 of every record that holds a term, newest first."""
    scores = {}
    for row in sorted(rows, key=lambda row: -row["seq"]):
        counts = terms_of(row["content"])
        relative_length = length_of(row["content"]) / statistics.mean_length
        parts = [
            weight * saturation(counts[term], BM25.K1, BM25.B, relative_length)
            for term, weight in weights.items()
            if term in counts
        ]
        if parts:
            scores[row["seq"]] = sum(parts)
    return scores


def bm25_weights(query: str, statistics: Statistics) -> dict[str, float]:
    """Each term of the query: its idf times how often it is asked for."""
    weights = {
        term: count * statistics.idf(statistics.frequencies[term]) for term, count in keywords(query).items()
    }
    return heaviest(weights, statistics.frequencies)


def bm25_relevance(score: float, weights: dict[str, float]) -> float:
    """A BM25 score brought to 0..1: half for a quarter of what no record can exceed."""
    return score / (score + sum(weights.values()) * (BM25.K1 + 1) / 4)


def cosines(rows: list[Row], statistics: Statistics, query: str) -> dict[int, float]:
    """TF-IDF cosine of every record that holds a term, newest first.

    It is "ltc.ltc" in the notation of SMART (Salton and Buckley, "Term-weighting approaches in automatic
    text retrieval", 1988). A component is (1 + ln tf) (1 + ln((1 + N) / (1 + df))); the query's terms
    that no record holds have none.
    """

    def vector(counts: Counter[str]) -> dict[str, float]:
        def idf(term: str) -> float:
            return 1 + math.log((1 + statistics.records) / (1 + statistics.frequencies[term]))

        return {term: (1 + math.log(count)) * idf(term) for term, count in counts.items()}

    asked = vector(Counter({t: n for t, n in keywords(query).items() if statistics.frequencies[t]}))
    scores = {}
    for row in sorted(rows, key=lambda row: -row["seq"]):
        record = vector(terms_of(row["content"]))
        product = sum(value * record.get(term, 0.0) for term, value in asked.items())
        if product:
            scores[row["seq"]] = product / (math.hypot(*asked.values()) * math.hypot(*record.values()))
    return scores
