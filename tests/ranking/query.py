"""What a query asks for: sentences, what each is worth, and their terms."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from . import words
from .tuning import TUNING


@dataclass
class AskedWord:
    """A word that blanks part from others."""

    terms: list[str]
    """Those that are no stop words."""
    size: int
    """How many terms it has with stop words."""
    grams: list[str]


@dataclass
class Identifier:
    """What names one thing as a whole."""

    whole: str
    parts: list[str]
    """Without stop words."""
    size: int
    """The number of its parts with stop words."""
    is_word: bool
    """The query has it as one word, as "RTX4090"."""


@dataclass
class Sentence:
    """A sentence that asks for something. Stop words are left out."""

    terms: list[str]
    """In order, with repeats."""
    names: set[str]
    """Terms of capitalized words that do not begin the sentence."""
    words: list[AskedWord]
    question: bool
    prior: float = 1.0
    """What it is worth before anything is searched."""
    identifiers: list[Identifier] = field(default_factory=list)
    ordinary: set[str] = field(default_factory=set)
    """Terms that occur outside of identifiers, or as one."""

    @property
    def counts(self) -> Counter[str]:
        """How often it asks for each term."""
        return Counter(self.terms)


Joined = list[tuple[str, list[str]]]
"""Other writings of words of a query, and the terms that each stands for."""


def both_ends(text: str) -> str:
    """A text, or of a long one so many bytes of its beginning and its end."""
    data = text.encode()
    if len(data) <= TUNING.MAX_QUERY_BYTES:
        return text
    half = TUNING.MAX_QUERY_BYTES // 2
    return "\n".join(part.decode(errors="ignore") for part in (data[:half], data[-half:]))


DENIALS = {"not", "no"}


class Query:
    """A query without what a store knows of it."""

    def __init__(self, text: str) -> None:
        """The sentences of a text; one of all its words if none is more than a stop word or a denial."""
        text = both_ends(text)
        self.joined: Joined = []
        stop_words = words.stop_words()
        parsed = [
            parse_sentence(one, words.is_question(one), stop_words, self.joined)
            for one in those_that_count(words.sentences(text))
        ]
        kept = [sentence for sentence in parsed if sentence.terms]
        if all(term in DENIALS for sentence in kept for term in sentence.terms):
            self.joined = []
            kept = [one for one in [parse_sentence(text, False, frozenset(), self.joined)] if one.terms]
        set_priors(kept)
        self.sentences = kept
        self.terms = list(dict.fromkeys(term for sentence in kept for term in sentence.terms))
        self.names = {term for sentence in kept for term in sentence.names}
        ordinary = {term for sentence in kept for term in sentence.ordinary}
        found = [one for sentence in kept for one in sentence.identifiers]
        self.identifiers = list({one.whole: one for one in reversed(found)}.values())[::-1]
        self.shares = {
            term: 1.0 if term in ordinary else max(1 / one.size for one in found if term in one.parts)
            for term in self.terms
        }
        """What a term counts: less if it is but a part of identifiers."""
        self.counts = Counter(term for sentence in kept for term in sentence.terms)
        self.spell_out_umlauts(text)

    def spell_out_umlauts(self, text: str) -> None:
        """ "Übergabe" may be written "Uebergabe"."""
        for word in text.split():
            spelled = word
            for umlaut, pair in {
                "ä": "ae",
                "ö": "oe",
                "ü": "ue",
                "Ä": "Ae",
                "Ö": "Oe",
                "Ü": "Ue",
                "å": "aa",
            }.items():
                spelled = spelled.replace(umlaut, pair)
            pairs = zip(words.terms(word), words.terms(spelled), strict=False)
            self.joined += [(other, [own]) for own, other in pairs if own != other and own in self.terms]


def those_that_count(texts: list[str]) -> list[str]:
    """Of too many sentences the last questions, and those nearest to the two ends."""
    most = TUNING.MAX_SENTENCES
    questions = [number for number, text in enumerate(texts) if words.is_question(text)]
    kept = set(questions[-(most // 2) :])
    for near in range(len(texts)):
        for number in (len(texts) - 1 - near, near):
            if len(kept) < most:
                kept.add(number)
    return [texts[number] for number in sorted(kept)] if len(texts) > most else texts


def parse_sentence(text: str, question: bool, stop_words: frozenset[str], joined: Joined) -> Sentence:
    """Takes a sentence apart."""
    sentence = Sentence([], set(), [], question)
    found = words.words(text)
    mixed = any(
        word.text.lstrip("_")[:1].islower() and word.folded not in words.stop_words()
        for word in found
        if not word.parts
    )
    compound: tuple[words.Word, list[str]] | None = None
    """The compound that is open, and the terms of its parts so far."""
    missing = 0
    before: tuple[str, list[str]] | None = None
    for number, word in enumerate(found):
        leads = not any(not one.parts for one in found[:number])
        if word.parts:
            whole = word.surfaces()[0].term
            if word.identifier:
                sentence.terms.append(whole)
                sentence.ordinary.add(whole)
                if word.capitalized and not leads:
                    sentence.names.add(whole)
            compound, missing, before = (word, []), word.parts, None
            continue
        meant = mixed and word.is_meant(leads)
        stopped = word.folded in stop_words and not meant
        surfaces = [] if stopped else word.surfaces()
        terms = [surface.term for surface in surfaces if meant or surface.text not in stop_words]
        sentence.terms += terms
        if word.capitalized and not leads:
            sentence.names |= set(terms)
        if word.spaced and surfaces:
            sentence.words.append(AskedWord(terms, len(surfaces), word.grams()))
        if compound:
            whole, parts = compound[0].surfaces()[0].term, compound[1]
            parts += terms
            missing -= 1
            if not compound[0].identifier:
                sentence.ordinary |= set(terms)
            if missing:
                continue
            if compound[0].identifier:
                sentence.identifiers.append(Identifier(whole, parts, compound[0].parts, is_word=False))
            elif parts:
                joined.append((whole, parts))
            else:
                sentence.terms.append(whole)
                sentence.ordinary.add(whole)
            compound = None
            continue
        sentence.ordinary |= set(terms)
        if terms and (parts := word.letters_and_digits()):
            sentence.terms += parts
            sentence.names |= set(parts) if word.capitalized and not leads else set()
            sentence.identifiers.append(Identifier(terms[0], parts, 2, is_word=True))
        if before and before[1] and word.spaced and len(joined) < TUNING.writings.JOINED:
            one = [
                surface.term for other in words.words(before[0] + word.folded) for surface in other.surfaces()
            ]
            if len(one) == 1:
                joined.append((one[0], before[1] + terms))
        before = (word.folded, terms) if word.spaced else None
    return sentence


def set_priors(sentences: list[Sentence]) -> None:
    """Questions are worth most, words about the task little, and short sentences less than long ones."""
    for sentence in sentences:
        worth = worth_of(sentence) if len(sentences) > 1 else 1.0
        sentence.question = sentence.question and worth >= TUNING.QUESTION_WORTH
        sentence.prior = 1.0 if sentence.question else worth
    if any(sentence.question for sentence in sentences):
        for sentence in sentences:
            sentence.prior *= 1.0 if sentence.question else TUNING.BESIDE_QUESTION

    def size(sentence: Sentence) -> int:
        return min(len(sentence.counts), TUNING.SENTENCE_TERMS)

    # The largest of those that are worth most.
    largest = max(((one.prior, size(one)) for one in sentences), default=(0.0, 1))[1]
    for sentence in sentences:
        sentence.prior *= math.sqrt(min(1.0, size(sentence) / largest))


def worth_of(sentence: Sentence) -> float:
    """The mean worth of its terms."""
    of_the_task = [term for term in sentence.terms if term in words.boilerplate_terms()]
    share = len(of_the_task) / len(sentence.terms)
    return share * TUNING.BOILERPLATE_WORD + (1 - share)
