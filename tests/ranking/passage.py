"""What a candidate says: the passage of its text that holds most of the query."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from . import words
from .statistics import saturation
from .tuning import TUNING


@dataclass
class Passage:
    """A candidate's text, or of a long one its label and the best part of the rest."""

    terms: list[str]
    """In order, with repeats. Those of `asked` have each form replaced by the term that it stands for."""
    label: list[str]
    """Those of its terms that are the label."""
    grams: Counter[str]
    """Of the words that blanks part from others."""
    left_out: int = 0
    """How many terms of the text stand between the label and the rest."""

    def asked(self, forms: dict[str, list[str]]) -> Passage:
        """The passage with the forms of the query's terms replaced, see `as_asked`."""
        terms = as_asked(self.terms, forms)
        return replace(self, terms=terms, label=terms[: len(self.label)])

    def position(self, at: int) -> int:
        """How many terms of the text stand before one of these."""
        return at if at < len(self.label) else at + self.left_out

    def first(self, term: str) -> int:
        """How many terms of the text stand before a term."""
        return self.position(self.terms.index(term))


def read(text: str, weights: dict[str, float], forms: dict[str, list[str]]) -> Passage:
    """Reads a text. `weights` are those of the query's terms, by which the passage is chosen."""
    label, rest = text[: label_end(text)], text[label_end(text) :]
    before = 0
    if len(text.encode()) > TUNING.passage.BYTES:
        split = words.pieces(rest, TUNING.passage.PIECE_BYTES)
        terms = [words.terms(piece) for piece in [label + split[0], *split[1:]]]
        start, end = best_part([as_asked(piece, forms) for piece in terms], weights)
        before, rest = len(words.terms("".join(split[:start]))), "".join(split[start:end])
    all_words = words.words(label) + words.words(rest)
    grams = Counter(gram for word in all_words if word.spaced for gram in word.grams())
    return Passage(words.terms(label) + words.terms(rest), words.terms(label), grams, before)


def best_part(pieces: list[list[str]], weights: dict[str, float]) -> tuple[int, int]:
    """The start and the end of the best passage: it begins with a term of the query and has few terms.

    Of equals the first is the best.
    """

    def held(piece: list[str]) -> float:
        return sum(weights[term] for term in dict.fromkeys(piece) if term in weights)

    def value(start: int, end: int) -> float:
        counts = Counter(term for piece in pieces[start:end] for term in piece if term in weights)
        saturated = {term: saturation(count, TUNING.K1, 0.0, 0.0) for term, count in counts.items()}
        together = max(map(held, pieces[start:end]))
        return together + sum(weights[term] * saturated[term] for term in saturated)

    def end(start: int) -> int:
        ends = range(start + 2, len(pieces) + 1)
        fitting = [end for end in ends if sum(map(len, pieces[start:end])) <= TUNING.passage.TERMS]
        return max(fitting, default=start + 1)

    parts = [(start, end(start)) for start, piece in enumerate(pieces) if held(piece)]
    return max(parts, key=lambda part: value(*part), default=(0, len(pieces)))


def as_asked(terms: list[str], forms: dict[str, list[str]]) -> list[str]:
    """The terms, each form replaced by the term of the query that it stands for."""
    stands_for = {form: term for term, some in forms.items() for form in some}
    return [stands_for.get(term, term) for term in terms]


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
