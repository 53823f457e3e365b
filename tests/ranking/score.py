"""How much of a query a text answers, and how probably it is relevant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate

from . import words
from .passage import Passage
from .query import Identifier, Query, Sentence
from .statistics import idf
from .tuning import TUNING

LIMIT = TUNING.score


class Wording(IntEnum):
    """What a text shares with what is asked, word for word."""

    WORDS = 0
    OTHER_IDENTIFIER = 1
    """Not the whole of an identifier that is named."""
    WHOLE = 2
    """All words, in order."""


@dataclass
class Proof:
    """What a text contains of a query."""

    evidence: float = 0.0
    coverage: float = 0.0
    """Of the sentence that it covers best."""
    wording: Wording = Wording.WORDS


@dataclass
class Ranked:
    """A record in its place."""

    seq: int
    order: float
    """What it is ranked by."""
    proof: Proof = field(default_factory=Proof)
    support: float = 0.0
    """How much of the query it covers, and how its BM25 compares with the greatest."""
    near: float = 0.0
    """The square of how far its cosine is above the mean, in deviations."""
    itself: bool = False
    """It is the query, word for word."""
    bonus: float = 0.0
    """What `order` has more for that."""
    second_stage: bool = True
    """Or what the first stage alone ordered, by BM25."""
    parts: dict[str, float] = field(default_factory=dict)
    """As `Hit.explain`."""


def prove(
    query: Query,
    passage: Passage,
    records: int,
    frequencies: dict[str, int],
    guessed: set[str],
) -> Proof:
    """What a passage contains of a query.

    The evidence of a sentence is the product of its prior, the part of it that the passage holds, and the
    square root of the number of terms held. Terms are weighed by idf, names more. An identifier is one term;
    its parts alone prove little.

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

    def is_there(one: Identifier) -> bool:
        hits = [hit for hit in zip(passage.positions, passage.terms, strict=True) if hit[1] in query.terms]
        runs = [hits[at : at + len(one.parts)] for at in range(len(hits) - len(one.parts) + 1)]
        in_a_row = any(
            [term for _, term in run] == one.parts
            and [at for at, _ in run] == list(range(run[0][0], run[0][0] + len(run)))
            for run in runs
            if len(one.parts) > 1
        )
        return one.whole in held - guessed or in_a_row

    def apart(passage: Passage) -> list[tuple[str, int]]:
        """Its terms with their positions; of an identifier, which it may write as one word, the parts."""
        parts = {one.whole: one.parts for one in query.identifiers if not one.is_word}
        pairs = zip(passage.terms, passage.positions, strict=True)
        return [(part, at) for term, at in pairs for part in parts.get(term, [term])]

    def share_of_parts(one: Identifier) -> float:
        idfs = {
            part: idf(records + LIMIT.MORE_RECORDS, 0 if part in guessed else frequencies[part])
            for part in one.parts
        }
        total = sum(idfs[part] for part in one.parts)
        return LIMIT.PARTS * sum(idfs[part] for part in one.parts if part in held) / total if total else 0.0

    def of_sentence(sentence: Sentence) -> Proof:
        identifiers = {one.whole: one for one in query.identifiers if one.whole in sentence.terms}
        weights = {term: weight(sentence, term) for term in set(sentence.terms) if query.shares[term] == 1}
        found = {term: weights[term] for term in weights if term in held and term not in identifiers}
        matches = {term for term, value in found.items() if value > 0 and term not in guessed}
        covered = sum(value * (TUNING.forms.PROOF if term in guessed else 1) for term, value in found.items())
        lacks = False
        for term, one in identifiers.items():
            there = is_there(one)
            covered += weights[term] * (1.0 if there else share_of_parts(one))
            matches |= {term} if there else set()
            lacks = lacks or not (there or one.is_word)
        whole = sum(weights.values())
        evidence = sentence.prior * covered / max(whole, LIMIT.WHOLE)
        evidence *= math.sqrt(min(max(len(matches), 1), LIMIT.MATCHES))
        complete = matches == {term for term, value in weights.items() if value > 0}
        asks = covered > 0 and sentence.prior >= LIMIT.ASKED
        wording = wording_of(sentence, apart(passage), complete, lacks) if asks else Wording.WORDS
        return Proof(evidence, sentence.prior * covered / whole, wording)

    proofs = [Proof(), *map(of_sentence, query.sentences)]
    return Proof(
        max(proof.evidence for proof in proofs),
        max(proof.coverage for proof in proofs),
        max(proof.wording for proof in proofs),
    )


def wording_of(sentence: Sentence, held: list[tuple[str, int]], complete: bool, lacks: bool) -> Wording:
    """Does a passage have the whole sentence, or lack a part of what it names?"""
    stopped = all(term in words.stop_terms() for term in sentence.terms)
    if complete and not stopped and in_order(sentence, held):
        return Wording.WHOLE
    return Wording.OTHER_IDENTIFIER if lacks else Wording.WORDS


def in_order(sentence: Sentence, held: list[tuple[str, int]]) -> bool:
    """Does a passage, by its terms and their positions, have the words, each not far after the one before?"""
    asked = [term for word in sentence.words for term in word.terms]
    ends: set[int] | None = None
    for term in asked:
        places = {place for place, (other, _) in enumerate(held) if other == term}
        if ends is not None:
            near = {at: held[at][1] + LIMIT.APART for at in ends}
            places = {
                place
                for place in places
                if any(end < place and held[place][1] <= limit for end, limit in near.items())
            }
        ends = places
    return ends is None or bool(ends)


def probabilities(hits: list[Ranked]) -> list[float]:
    """How probably each hit is relevant, best hit first. They never rise."""
    orders = [hit.order - hit.bonus for hit in hits]
    greatest = max(orders, default=0.0) or 1.0
    found = []
    for place, hit in enumerate(hits):
        behind = orders[place + LIMIT.BEHIND] if place + LIMIT.BEHIND < len(hits) else 0.0
        lead = max(0.0, (orders[place] - behind) / greatest)
        odds = LIMIT.BASE + LIMIT.SUPPORT * hit.support + LIMIT.EVIDENCE_LEAD * hit.proof.evidence * lead**1.5
        odds += LIMIT.NEAR * hit.near
        found.append(1 / (1 + math.exp(-odds)))
        if hit.proof.wording == Wording.OTHER_IDENTIFIER:
            found[-1] = min(found[-1], LIMIT.OTHER_IDENTIFIER)
    whole = [hit.proof.wording == Wording.WHOLE for hit in hits]
    return [
        max(score, LIMIT.WHOLE_QUESTION) if any(whole[place:]) else score
        for place, score in enumerate(falling(found))
    ]


def falling(values: list[float]) -> list[float]:
    """The nearest values that do not rise: those that rise are replaced by their mean.

    Each is the least of all averages that begin at or before it, of the greatest that end at or after it.
    """
    sums = [0.0, *accumulate(values)]
    found = [math.inf] * len(values)
    for start in range(len(values)):
        greatest = -math.inf
        for place in reversed(range(start, len(values))):
            greatest = max(greatest, (sums[place + 1] - sums[start]) / (place + 1 - start))
            found[place] = min(found[place], greatest)
    return found


def scores(ranking: list[Ranked]) -> list[float]:
    """The score of each hit.

    Those of the first stage alone go on below the last of the second, in proportion to their BM25.
    """
    second = [hit for hit in ranking if hit.second_stage]
    found = [1.0 if hit.itself else score for hit, score in zip(second, probabilities(second), strict=True)]
    least = min((hit.parts["bm25"] for hit in second if "bm25" in hit.parts), default=math.inf)
    rest = [hit.parts["bm25"] for hit in ranking if not hit.second_stage]
    return found + [found[-1] * min(1.0, bm25 / least) for bm25 in rest]


def answered(found: list[float]) -> float:
    """How probably any of the hits is relevant, by their scores, best first."""
    return 1 - math.prod(1 - score for score in found[: LIMIT.ANSWER])
