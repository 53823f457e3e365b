"""What a candidate says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from . import words
from .tuning import TUNING


@dataclass
class Passage:
    """A candidate's text."""

    terms: list[str]
    """In order, with repeats. Forms of a query's term are the term itself, see `as_asked`."""
    label: list[str]
    """Those of its terms that are the label."""
    grams: Counter[str]
    """Of the words that blanks part from others."""

    def first(self, term: str) -> int:
        """How many terms stand before it."""
        return self.terms.index(term)


def read(text: str) -> Passage:
    """Reads a text."""
    label, rest = text[: label_end(text)], text[label_end(text) :]
    all_words = words.words(label) + words.words(rest)
    grams = Counter(gram for word in all_words if word.spaced for gram in word.grams())
    return Passage(words.terms(label) + words.terms(rest), words.terms(label), grams)


def as_asked(passage: Passage, forms: dict[str, list[str]]) -> Passage:
    """The passage with each form replaced by the term of the query that it stands for."""
    stands_for = {form: term for term, some in forms.items() for form in some}
    terms = [stands_for.get(term, term) for term in passage.terms]
    return Passage(terms, terms[: len(passage.label)], passage.grams)


def label_end(text: str) -> int:
    """Where a label such as "Alice:" or "Alice (Customer):" ends; 0 if the text has none.

    It begins with a capital, or a letter without case.
    """
    limit = TUNING.label
    match = re.match(r"(\s*)([^:\uff1a.?!,;\n(]*)(\([^()\n]*\))?(?=[:\uff1a])", text)
    if not match:
        return 0
    _, name, bracket = match.groups()
    label = name + (bracket or "")
    starts = name[:1].isalpha() and not name[:1].islower()
    short = len(name) <= limit.CHARS and (not bracket or 1 <= len(bracket) - 2 <= limit.BRACKET_CHARS)
    few = len(re.findall(r"[^\W_]+", label)) <= limit.WORDS
    return match.end() if starts and short and few else 0
