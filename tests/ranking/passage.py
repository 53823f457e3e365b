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
    """In order, with repeats. Those of `asked` have each form replaced by the terms that it stands for."""
    positions: list[int]
    """How many terms of the text stand before each term. A form of several terms stands in one place."""
    length: int
    label: list[str]
    """Those of its terms that are the label."""
    grams: Counter[str]
    """Of the words that blanks part from others."""

    def asked(self, forms: dict[str, list[str]]) -> Passage:
        """The passage with the forms of the query's terms replaced, see `as_asked`."""
        asked = [as_asked([term], forms) for term in self.terms]
        positions = [at for at, some in zip(self.positions, asked, strict=True) for _ in some]
        label = as_asked(self.label, forms)
        return replace(
            self, terms=[term for some in asked for term in some], positions=positions, label=label
        )

    def first(self, term: str) -> int:
        """How many terms of the text stand before a term."""
        return self.positions[self.terms.index(term)]


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
    behind = words.terms(label)
    terms = behind + words.terms(rest)
    positions = [at if at < len(behind) else at + before for at in range(len(terms))]
    return Passage(terms, positions, len(terms), behind, grams)


def best_part(pieces: list[list[str]], weights: dict[str, float]) -> tuple[int, int]:
    """The start and the end of the best passage: it begins with a term of the query and has few terms.

    Of equals the first is the best. `pieces` are the terms of each piece, as `as_asked`.
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
    """The terms, each form replaced by the terms of the query that it stands for."""
    return [one for term in terms for one in forms.get(term, [term])]


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
