"""What speaks for each candidate of the second stage, signal by signal."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from .passage import Passage
from .query import Sentence
from .statistics import idf, saturation
from .tuning import TUNING

Values = list[float]
"""A value for each candidate."""


class Signals:
    """All signals but the feedback. `idfs` are those of the query's terms."""

    def __init__(
        self, sentences: list[Sentence], idfs: dict[str, float], passages: list[Passage], mean_length: float
    ) -> None:
        self.passages = passages
        self.mean_length = mean_length
        self.labelled = sum(bool(passage.label) for passage in passages) / max(1, len(passages))
        weights = sentence_weights(sentences, idfs, passages)
        self.terms = term_weights(sentences, weights, idfs)
        self.grams = gram_weights(sentences, weights, idfs)
        self.pairs = {pair for one in sentences for pair in pairwise(one.terms) if pair[0] != pair[1]}

    def saturation(self, frequency: int, passage: Passage) -> float:
        """The part of BM25 that depends on the text. Length counts less if most candidates have a label."""
        b = TUNING.LABELLED_B if self.labelled > 0.5 else TUNING.B
        return saturation(frequency, TUNING.K1, b, passage.length / self.mean_length)

    def values(self) -> dict[str, Values]:
        """Each signal, its greatest value brought to its weight."""
        weight = TUNING.weight
        holding = Counter(gram for passage in self.passages for gram in passage.grams)
        rarity = {gram: idf(len(self.passages), count) for gram, count in holding.items()}
        label_weight = weight.LABEL * max(0.0, 2 * self.labelled - 1)
        return {
            "terms": scaled(weight.TERMS, [self.of_terms(one) for one in self.passages]),
            "grams": scaled(weight.GRAMS, [self.of_grams(one, {}) for one in self.passages]),
            "rare_grams": scaled(weight.RARE_GRAMS, [self.of_grams(one, rarity) for one in self.passages]),
            "lead": scaled(weight.LEAD, [self.of_lead(one) for one in self.passages]),
            "pairs": scaled(weight.PAIRS, [self.of_pairs(one) for one in self.passages]),
            "label": scaled(label_weight, [self.of_label(one) for one in self.passages]),
        }

    def of_terms(self, passage: Passage) -> float:
        """BM25 of the query's terms."""
        counts = Counter(passage.terms)
        return sum(
            self.terms[term] * self.saturation(count, passage)
            for term, count in counts.items()
            if term in self.terms
        )

    def of_grams(self, passage: Passage, rarity: dict[str, float]) -> float:
        """BM25 of the grams of the query's words, each times its rarity."""
        return sum(
            self.grams[gram] * self.saturation(count, passage) * rarity.get(gram, 1.0)
            for gram, count in passage.grams.items()
            if gram in self.grams
        )

    def of_lead(self, passage: Passage) -> float:
        """The query's terms, the earlier the better."""
        asked = [term for term in dict.fromkeys(passage.terms) if term in self.terms]
        return sum(self.terms[term] / (passage.first(term) + 1) for term in asked)

    def of_pairs(self, passage: Passage) -> float:
        """Neighbours in the query that are neighbours here, each pair once."""
        hits = [
            (at, term)
            for at, term in zip(passage.positions, passage.terms, strict=True)
            if term in self.terms
        ]
        near = [(one, other) for (at, one), (to, other) in pairwise(hits) if to - at <= TUNING.PAIR_DISTANCE]
        return sum(
            min(self.terms[one], self.terms[other])
            for one, other in dict.fromkeys(near)
            if (one, other) in self.pairs
        )

    def of_label(self, passage: Passage) -> float:
        """The query's terms in the label, each once."""
        return sum(self.terms[term] for term in dict.fromkeys(passage.label) if term in self.terms)


def scaled(weight: float, values: Values) -> Values:
    """The greatest value becomes `weight`."""
    greatest = max(values, default=0.0)
    return [weight * value / greatest if greatest else 0.0 for value in values]


def sentence_weights(
    sentences: list[Sentence], idfs: dict[str, float], passages: list[Passage]
) -> list[float]:
    """A sentence's prior times the best coverage by any candidate; the heaviest weighs 1."""

    def covered(sentence: Sentence, passage: Passage) -> float:
        asked = set(sentence.terms)
        held = asked & set(passage.terms)
        return sum(idfs[term] for term in held) / sum(idfs[term] for term in asked)

    weights = [
        sentence.prior * max((covered(sentence, passage) for passage in passages), default=0.0)
        for sentence in sentences
    ]
    return scaled(1.0, weights)


def term_weights(sentences: list[Sentence], weights: list[float], idfs: dict[str, float]) -> dict[str, float]:
    """Of each term the greatest weighted count of any sentence, times its idf."""
    found = {term: 0.0 for sentence in sentences for term in sentence.terms}
    for sentence, weight in zip(sentences, weights, strict=True):
        for term, count in sentence.counts.items():
            found[term] = max(found[term], weight * count * idfs[term])
    return found


def gram_weights(sentences: list[Sentence], weights: list[float], idfs: dict[str, float]) -> dict[str, float]:
    """Of each gram the greatest share of a word's weight."""
    found: dict[str, float] = {}
    for sentence, weight in zip(sentences, weights, strict=True):
        for word in sentence.words:
            for gram in word.grams:
                share = weight * sum(idfs[term] for term in word.terms) / (word.size * len(word.grams))
                found[gram] = max(found.get(gram, 0.0), share)
    return found
