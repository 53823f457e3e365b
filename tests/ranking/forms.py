"""Terms of the records that stand for terms of the query: other forms, typing errors, compounds, parts."""

from __future__ import annotations

import unicodedata

from . import words
from .statistics import Statistics
from .tuning import TUNING

LIMIT = TUNING.forms


def forms(
    terms: list[str], held: dict[str, int], taken: set[str], statistics: Statistics
) -> dict[str, list[str]]:
    """For each term of the query the terms that stand for it, if there are any.

    They are looked for if no record holds the term, or if it is not ASCII: only English has a stemmer.
    `held` says how many hold each term or another writing of it. A form stands for one term, the first. A
    term that the query asks for stands for itself alone, and so do the writings in `taken`.
    """

    def needs_forms(term: str) -> bool:
        return not term.isascii() if held[term] else term not in words.boilerplate_terms()

    taken = taken | set(terms)
    found = {}
    for term in [term for term in terms if needs_forms(term) and is_word(term)][: LIMIT.WORDS]:
        chosen = [form for form in like_terms(term, held[term] > 0, statistics) if form not in taken]
        taken |= set(chosen)
        if chosen:
            found[term] = chosen
    return found


def is_word(term: str) -> bool:
    """Long enough, and of letters alone."""
    return len(term) >= LIMIT.LETTERS and is_of_letters(term)


def is_of_letters(text: str) -> bool:
    """Letters and the marks on them."""
    return all(character.isalpha() or unicodedata.combining(character) for character in text)


def like_terms(term: str, known: bool, statistics: Statistics) -> list[str]:
    """The most like terms that records hold, best first; parts of an unknown term if there are none."""
    small = statistics.terms <= LIMIT.SCANNED
    likeness = {}
    for other in statistics.frequencies:
        if other[: LIMIT.START] == term[: LIMIT.START]:
            likeness[other] = likeness_of_beginnings(term, other, known)
        elif small and not known and other.endswith(term):
            likeness[other] = len(term.encode()) / len(other.encode())
    likeness = {other: like for other, like in likeness.items() if like > 0 and other != term}
    order = sorted(likeness, key=lambda other: (-likeness[other], other))
    near = [other for other in order if likeness[other] >= likeness[order[0]] - LIMIT.NEAR]
    if near or known:
        return near[: LIMIT.FORMS]
    return parts(term, statistics)


def likeness_of_beginnings(term: str, other: str, known: bool) -> float:
    """How like two terms are that begin alike; 0 if neither inflection, a slip nor a compound explains it."""
    longest = max(len(term), len(other))
    shared = next((at for at in range(longest) if term[at : at + 1] != other[at : at + 1]), longest)
    prefix = shared / longest
    inflected = shared >= 3 and prefix >= LIMIT.PREFIX and longest - shared <= LIMIT.ENDING
    mistyped = not known and edits(term, other) <= 1
    compound = not known and shared == len(term) > LIMIT.LETTERS
    if not (inflected or mistyped or compound) or not is_of_letters(other):
        return 0.0
    return ((1 - 1 / longest if mistyped else prefix) + prefix) / 2


def edits(one: str, other: str) -> int:
    """Optimal string alignment: letters added, left out or changed, and neighbours swapped."""
    table = [[row + column for column in range(len(other) + 1)] for row in range(len(one) + 1)]
    for row in range(1, len(one) + 1):
        for column in range(1, len(other) + 1):
            table[row][column] = min(
                table[row - 1][column] + 1,
                table[row][column - 1] + 1,
                table[row - 1][column - 1] + (one[row - 1] != other[column - 1]),
            )
            if row > 1 and column > 1 and one[row - 2 : row] == other[column - 2 : column][::-1]:
                table[row][column] = min(table[row][column], table[row - 2][column - 2] + 1)
    return table[-1][-1]


def parts(term: str, statistics: Statistics) -> list[str]:
    """The longest end and the longest beginning of a compound that records hold."""
    shorter = range(len(term) - 1, LIMIT.LETTERS - 1, -1)
    ends = [term[-length:] for length in shorter]
    beginnings = [term[:length] for length in shorter]
    longest = [
        next((part for part in some if statistics.frequencies[part]), None) for some in (ends, beginnings)
    ]
    return list(dict.fromkeys(part for part in longest if part))
