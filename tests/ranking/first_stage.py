"""The plain modes, and the first stage of the hybrid one: BM25 and TF-IDF cosine of every record."""

from __future__ import annotations

import math
from collections import Counter

from .query import Query
from .statistics import Row, Statistics, length_of, saturation, terms_of
from .tuning import BM25, TUNING
from .writings import writings


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


def known(query: Query, statistics: Statistics) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The other writings of a query's terms, see `writings`, and how many records hold each term or writing.

    The letters and the digits of a word count little where records hold the word.
    """
    for one in query.identifiers:
        for part in one.parts:
            if one.is_word and statistics.frequencies[one.whole] and query.shares[part] < 1:
                query.shares[part] = TUNING.writings.APART
    written = writings(query, statistics)
    frequencies = {term: statistics.frequencies[term] for term in query.terms}
    for form, terms in written.items():
        for term in terms:
            frequencies[term] += statistics.frequencies[form]
    return written, frequencies


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


def bm25_weights(query: str, statistics: Statistics) -> tuple[dict[str, float], dict[str, float]]:
    """Each term of the query: its idf times how often it is asked for. First those of its own, then all."""
    asked = Query(query)
    written, frequencies = known(asked, statistics)
    weights = {
        term: count * asked.shares[term] * statistics.idf(frequencies[term])
        for term, count in asked.counts.items()
    }
    own = heaviest(weights, frequencies)
    writings = {
        form: TUNING.writings.WEIGHT * sum(weights[term] for term in set(terms))
        for form, terms in written.items()
    }
    return own, heaviest(own | writings, dict.fromkeys([*own, *writings], 1))


def bm25_relevance(score: float, own: dict[str, float]) -> float:
    """A BM25 score brought to 0..1: half for a quarter of what the query's own terms can make."""
    return score / (score + sum(own.values()) * (BM25.K1 + 1) / 4)


def cosines(rows: list[Row], statistics: Statistics, query: str) -> dict[int, float]:
    """TF-IDF cosine of every record that holds a term, newest first.

    It is "ltc.ltc" in the notation of SMART (Salton and Buckley, "Term-weighting approaches in automatic
    text retrieval", 1988). A component is (1 + ln tf) (1 + ln((1 + N) / (1 + df))); the query's terms
    that no record holds have none, but for identifiers. Another writing of a term adds to the product alone.
    """

    def idf(frequency: int) -> float:
        return 1 + max(0.0, math.log((1 + statistics.records) / (1 + frequency)))

    def vector(counts: Counter[str]) -> dict[str, float]:
        return {
            term: (1 + math.log(count)) * idf(statistics.frequencies[term]) for term, count in counts.items()
        }

    words_of = Query(query)
    written, frequencies = known(words_of, statistics)
    identifiers = {one.whole for one in words_of.identifiers}
    own = {
        term: words_of.shares[term] * (1 + math.log(count)) * idf(frequencies[term])
        for term, count in words_of.counts.items()
        if frequencies[term] or term in identifiers
    }
    asked = own | {
        form: TUNING.writings.WEIGHT * math.hypot(*(own[term] for term in set(terms)))
        for form, terms in written.items()
    }
    scores = {}
    for row in sorted(rows, key=lambda row: -row["seq"]):
        record = vector(terms_of(row["content"]))
        product = sum(value * record.get(term, 0.0) for term, value in asked.items())
        if product:
            cosine = product / (math.hypot(*own.values()) * math.hypot(*record.values()))
            scores[row["seq"]] = min(1.0, cosine)
    return scores
