"""The search modes over a list of visible records, and what combines their outcomes.

`statistics` are those of the query's population: the records of its scope that its viewer may see.
`visible` are the records that may be found.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from . import first_stage, words
from .dialogue import dialogue
from .feedback import feedback
from .first_stage import best
from .forms import forms
from .passage import read
from .query import Query, Sentence
from .score import Proof, Ranked, Wording, prove
from .signals import Signals
from .statistics import Row, Statistics
from .tuning import TUNING

SLACK = 1e-5
"""The first stage adds in 32 bits, be it whole numbers or floats."""

__all__ = ["blend", "bm25", "dialogue", "fuse", "hybrid", "tfidf", "vector"]


def bm25(query: str, statistics: Statistics, visible: list[Row]) -> dict[int, float]:
    """Mode "bm25": the score of each record found, best first."""
    own, weights = first_stage.bm25_weights(query, statistics)
    found = first_stage.bm25_scores(visible, statistics, weights)
    return {seq: first_stage.bm25_relevance(found[seq], own) for seq in best(found, len(found), 0)}


def tfidf(query: str, statistics: Statistics, visible: list[Row]) -> dict[int, float]:
    """Mode "tfidf", as `bm25`."""
    found = first_stage.cosines(visible, statistics, query)
    return {seq: found[seq] for seq in best(found, len(found), 0)}


def vector(wanted: list[float], visible: list[Row]) -> dict[int, float]:
    """Mode "vector", as `bm25`; what points away has 0."""
    found = cosines(wanted, visible)
    return {seq: max(0.0, found[seq]) for seq in best(found, len(found), 0)}


def cosines(wanted: list[float], visible: list[Row]) -> dict[int, float]:
    """The cosine of each record that has an embedding, newest first."""

    def cosine(other: list[float]) -> float:
        lengths = math.hypot(*wanted) * math.hypot(*other)
        product = sum(x * y for x, y in zip(wanted, other, strict=True))
        return product / lengths if lengths else 0.0

    newest_first = sorted(visible, key=lambda row: -row["seq"])
    return {row["seq"]: cosine(row["embedding"]) for row in newest_first if row["embedding"] is not None}


def hybrid(query: str, statistics: Statistics, visible: list[Row]) -> list[Ranked]:
    """Mode "hybrid", best first: the best of the first stage ranked again, then its rest."""
    asked = Query(query)
    sentences = asked.sentences
    written, frequencies = first_stage.known(asked, statistics)
    like = forms(asked.terms, frequencies, set(written), statistics)
    guessed = {term for term in like if not frequencies[term]}
    for term, some in like.items():
        frequencies[term] += sum(statistics.frequencies[form] for form in some)
    idfs = {
        term: (TUNING.forms.WORTH if term in guessed else 1.0)
        * asked.shares[term]
        * statistics.smoothed_idf(term, frequencies[term])
        for term in asked.terms
    }
    found = first_stage.bm25_scores(
        visible, statistics, first_weights(asked, idfs, frequencies, written, like)
    )
    texts = {row["seq"]: row["content"] for row in visible}
    candidates = that_are_read(best(found, TUNING.CANDIDATES, SLACK), texts, found)

    stands_for = written | {form: [term] for term, some in like.items() for form in some}
    weights = asked_weights(sentences, idfs)
    as_written = [read(texts[seq], weights, stands_for) for seq in candidates]
    passages = [passage.asked(stands_for) for passage in as_written]
    signals = Signals(sentences, idfs, passages, statistics.mean_length)
    parts = signals.values()
    shares = {
        "terms": 1.0,
        "grams": TUNING.feedback.GRAMS / TUNING.weight.GRAMS,
        "lead": TUNING.feedback.LEAD / TUNING.weight.LEAD,
    }
    trust = [sum(share * parts[name][i] for name, share in shares.items()) for i in range(len(candidates))]
    company = feedback(as_written, trust, idfs, statistics, signals.saturation)
    greatest = max(company, default=0.0) or 1.0
    parts["feedback"] = [TUNING.weight.FEEDBACK * value / greatest for value in company]

    sums = [sum(values[i] for values in parts.values()) for i in range(len(candidates))]
    ranking = []
    most = max((found[seq] for seq in candidates), default=1.0)
    proofs = [prove(asked, passage, statistics.records, frequencies, guessed) for passage in passages]
    lifts = lifts_of_whole(sums, proofs)
    for i, seq in enumerate(candidates):
        itself = texts[seq].strip() == query.strip()
        proof = proofs[i]
        named = {name: values[i] for name, values in parts.items()}
        named |= {"bm25": found[seq], "evidence": proof.evidence, "coverage": proof.coverage}
        # Who asks for a text itself wants nothing else before it.
        first = max(total + lift for total, lift in zip(sums, lifts, strict=True))
        bonus = lifts[i] + (1 + first if itself else 0.0) + accents(query, texts[seq])
        support = proof.coverage * found[seq] / most
        ranking.append(Ranked(seq, sums[i] + bonus, proof, support, itself=itself, bonus=bonus, parts=named))
    rest = [seq for seq in best(found, len(found), 0) if seq not in candidates]
    return sorted(ranking, key=lambda hit: -hit.order) + [
        Ranked(seq, found[seq], second_stage=False, parts={"bm25": found[seq]}) for seq in rest
    ]


def lifts_of_whole(sums: list[float], proofs: list[Proof]) -> list[float]:
    """What those that hold the whole question need to come before others, however these are spelled."""
    whole = [proof.wording == Wording.WHOLE for proof in proofs]
    least = min((total for total, holds in zip(sums, whole, strict=True) if holds), default=math.inf)
    most = max((total for total, holds in zip(sums, whole, strict=True) if not holds), default=0.0)
    lift = max(0.0, most + TUNING.spelling.ACCENTS - least)
    return [lift if holds else 0.0 for holds in whole]


def accents(query: str, text: str) -> float:
    """What a text gains from words that have the accents of the query.

    How other words are spelled decides between equals alone.
    """

    wanted, there = words.written(query), set(words.written(text))
    same = [
        word
        for word in dict.fromkeys(wanted)
        if words.has_accents(word)
        and there & {word, word.lower(), word.upper(), word.lower()[:1].upper() + word.lower()[1:]}
    ]
    return TUNING.spelling.ACCENTS * len(same) / len(wanted) if wanted else 0.0


def first_weights(
    query: Query,
    idfs: dict[str, float],
    frequencies: dict[str, int],
    written: dict[str, list[str]],
    like: dict[str, list[str]],
) -> dict[str, float]:
    """The first stage looks for each term, and what stands for it, by the sentence that wants it most."""
    weights = asked_weights(query.sentences, idfs)
    writings = {
        form: TUNING.writings.WEIGHT * sum(weights[term] for term in set(terms))
        for form, terms in written.items()
    }
    forms_of = {form: term for term in idfs for form in like.get(term, [])}
    # What stands for a term is held by a record.
    held = frequencies | dict.fromkeys([*writings, *forms_of], 1)
    return first_stage.heaviest(
        weights | writings | {form: weights[term] for form, term in forms_of.items()}, held
    )


def asked_weights(sentences: list[Sentence], idfs: dict[str, float]) -> dict[str, float]:
    """The weight of each term, by the sentence that wants it most."""
    return {
        term: idf * max(sentence.prior * sentence.counts[term] for sentence in sentences)
        for term, idf in idfs.items()
    }


def that_are_read(candidates: list[int], texts: dict[int, str], found: dict[int, float]) -> list[int]:
    """The first candidates whose texts, of which a long one counts less, the second stage reads."""
    size = 0
    for place, seq in enumerate(candidates):
        size += min(len(texts[seq].encode()), TUNING.COUNTED_BYTES)
        if size > TUNING.TEXT_BYTES and place > 0:
            return best(found, place, SLACK)
    return candidates


def fuse(
    ranking: list[Ranked], evidence: float, cosines: dict[int, float]
) -> tuple[dict[int, float], list[int], dict[int, float]]:
    """Joins a ranking with the cosines of all visible records.

    Returns the values of the first of both, best first; the others in their order; and how far each cosine is
    from the mean, in deviations. `evidence` is the greatest in the best hits.
    """
    limit = TUNING.fusion
    distances = standardized(cosines)
    first = [hit for hit in ranking if hit.second_stage]
    greatest = max((hit.order for hit in first), default=0.0) or 1.0
    known = 1 - math.exp(-limit.STEEPNESS * evidence)
    leading = [distances[hit.seq] for hit in first[: limit.LEADING] if hit.seq in distances]
    trust = min(1.0, max(0.0, sum(leading) / len(leading) / limit.TRUSTED)) if leading else 1.0
    weight = limit.WEIGHT * (1 - known * (1 - trust))
    nearest = best(cosines, len(cosines), 0)
    orders = dict.fromkeys(nearest[: limit.NEAREST], 0.0)
    orders = {hit.seq: hit.order / greatest for hit in first} | {
        seq: order for seq, order in orders.items() if seq not in {hit.seq for hit in first}
    }
    values = {
        seq: known * order + weight * max(0.0, distances.get(seq, 0.0)) ** 2 for seq, order in orders.items()
    }
    rest = [hit.seq for hit in ranking if not hit.second_stage] + nearest[limit.NEAREST :]
    others = [seq for seq in dict.fromkeys(rest) if seq not in values]
    return {seq: values[seq] for seq in sorted(values, key=lambda seq: -values[seq])}, others, distances


def standardized(values: dict[int, float]) -> dict[int, float]:
    """The distance of each value from the mean of all, in deviations; 0 if all are equal."""
    mean = sum(values.values()) / max(1, len(values))
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values.values()) / max(1, len(values)))
    return {seq: (value - mean) / deviation if deviation > 1e-4 else 0.0 for seq, value in values.items()}


def blend(
    found: dict[int, float],
    visible: list[Row],
    now: datetime,
    recency_weight: float,
    importance_weight: float,
    half_life_days: float,
) -> dict[int, float]:
    """The weighted mean of relevance, recency (half for each half-life of age) and importance, best first."""
    rows = {row["seq"]: row for row in visible}

    def mean(seq: int) -> float:
        age = max(now - rows[seq]["created_at"], timedelta()) / timedelta(days=half_life_days)
        whole = found[seq] + recency_weight * 0.5**age + importance_weight * rows[seq]["importance"]
        return whole / (1 + recency_weight + importance_weight)

    means = {seq: mean(seq) for seq in found}
    return {seq: means[seq] for seq in sorted(means, key=lambda seq: (-means[seq], -seq))}
