"""How much of a query a text answers, and the score that this makes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from . import words
from .passage import Passage
from .query import Sentence
from .statistics import idf
from .tuning import TUNING

LIMIT = TUNING.score


@dataclass
class Ranked:
    """A record in its place."""

    seq: int
    order: float
    """What it is ranked by."""
    evidence: float = 0.0
    """How much of the query it answers."""
    itself: bool = False
    """It is the query, word for word."""
    second_stage: bool = True
    """Or what the first stage alone ordered, by BM25."""
    parts: dict[str, float] = field(default_factory=dict)
    """As `Hit.explain`."""


def evidence(
    sentences: list[Sentence],
    passage: Passage,
    records: int,
    frequencies: dict[str, int],
    guessed: set[str],
) -> float:
    """The evidence of the sentence that has most of it.

    It is the product of the sentence's prior, the part of it that the passage holds, and the square root
    of the number of terms held. Terms are weighed by idf, names more.

    No record holds a term of `guessed`: holding a form of it is holding a part of it, and no match.
    `frequencies` say how many of the `records` hold each term or a form of it.
    """
    held = set(passage.terms)

    def weight(sentence: Sentence, term: str) -> float:
        bare = all(words.is_particle(term) for term in sentence.terms)
        if words.is_particle(term) and not bare:
            return 0.0
        name = LIMIT.NAME if term in sentence.names and not bare else 1.0
        return name * idf(records + LIMIT.MORE_RECORDS, 0 if term in guessed else frequencies[term])

    def of_sentence(sentence: Sentence) -> float:
        weights = {term: weight(sentence, term) for term in set(sentence.terms)}
        found = {term: weights[term] for term in weights if term in held}
        matches = sum(value > 0 for term, value in found.items() if term not in guessed)
        covered = sum(value * (TUNING.forms.PROOF if term in guessed else 1) for term, value in found.items())
        covered /= max(sum(weights.values()), LIMIT.WHOLE)
        return sentence.prior * covered * math.sqrt(min(max(matches, 1), LIMIT.MATCHES))

    return max(map(of_sentence, sentences), default=0.0)


def curve(hits: list[float]) -> list[float]:
    """From the evidence for each hit, best hit first, to their scores, which never rise."""
    top = max(hits[: LIMIT.TOP], default=0.0)
    mixed = [own ** (1 - LIMIT.TOP_SHARE) * top**LIMIT.TOP_SHARE for own in hits]
    return [1 - math.exp(-LIMIT.STEEPNESS * min(mixed[: place + 1])) for place in range(len(hits))]


def scores(ranking: list[Ranked]) -> list[float]:
    """The score of each hit.

    Those of the first stage alone go on below the last of the second, in proportion to their BM25.
    """
    second = [hit for hit in ranking if hit.second_stage]
    found = [
        1.0 if hit.itself else score
        for hit, score in zip(second, curve([hit.evidence for hit in second]), strict=True)
    ]
    least = min((hit.parts["bm25"] for hit in second if "bm25" in hit.parts), default=math.inf)
    rest = [hit.parts["bm25"] for hit in ranking if not hit.second_stage]
    return found + [found[-1] * min(1.0, bm25 / least) for bm25 in rest]
