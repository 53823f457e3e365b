"""What a query asks for: sentences, what each is worth, and their terms."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from . import words
from .first_stage import both_ends
from .tuning import TUNING

JOINS = "-./@:+"


@dataclass
class AskedWord:
    """A word that blanks part from others."""

    terms: list[str]
    """Those that are no stop words."""
    size: int
    """How many terms it has with stop words."""
    grams: list[str]


@dataclass
class Sentence:
    """A sentence that asks for something. Stop words are left out."""

    terms: list[str]
    """In order, with repeats."""
    names: set[str]
    """Terms of capitalized words that do not begin the sentence."""
    words: list[AskedWord]
    identifiers: list[list[str]]
    """The terms of each thing that it names exactly, in several words."""
    question: bool
    prior: float = 1.0
    """What it is worth before anything is searched."""

    @property
    def counts(self) -> Counter[str]:
        """How often it asks for each term."""
        return Counter(self.terms)


def parse(query: str) -> list[Sentence]:
    """The sentences of a query; one of all its words if they are all stop words."""
    query = both_ends(query)
    texts = those_that_count(words.sentences(query))
    parsed = [parse_sentence(text, words.is_question(text), words.stop_words()) for text in texts]
    kept = [sentence for sentence in parsed if sentence.terms]
    if not kept:
        kept = [one for one in [parse_sentence(query, False, frozenset())] if one.terms]
    set_priors(kept)
    return kept


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


def parse_sentence(text: str, question: bool, stop_words: frozenset[str]) -> Sentence:
    """Takes a sentence apart."""
    sentence = Sentence([], set(), [], [], question)
    mixed = any(character.islower() for character in text)
    for number, word in enumerate(words.words(text)):
        leads = number == 0
        meant = mixed and word.is_meant(leads)
        if word.folded in stop_words and not meant:
            continue
        surfaces = word.surfaces()
        terms = [surface.term for surface in surfaces if meant or surface.text not in stop_words]
        sentence.terms += terms
        if word.capitalized and not leads:
            sentence.names |= set(terms)
        if word.spaced:
            sentence.words.append(AskedWord(terms, len(surfaces), word.grams()))
    sentence.identifiers = [words.terms(found) for found in identifiers(text)]
    return sentence


def identifiers(text: str) -> list[str]:
    """Runs of ASCII words that marks join, with a digit or an "@"."""
    runs = [run.strip(JOINS) for run in re.findall(rf"[\w{re.escape(JOINS)}]+", text, re.ASCII)]
    return [run for run in runs if set(run) & set(JOINS) and re.search(r"[0-9@]", run)]


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
