"""Terms of the records that are another way to write a term of the query."""

from __future__ import annotations

import re
from functools import cache

import agentmem

from .query import Query
from .statistics import Statistics
from .tuning import AMBIGUOUS, TUNING, WORD_GROUPS, WRITINGS

LIMIT = TUNING.writings
HEBREW, ARABIC = "[\u0590-\u05ff]", "[\u0600-\u06ff]"


@cache
def groups() -> list[list[str]]:
    """Terms that stand for the first of their group, and it for them."""
    lines = [*WORD_GROUPS.GROUPS.splitlines(), *AMBIGUOUS.AMBIGUOUS.splitlines()]
    return [[agentmem.analyze(word)[0] for word in line.split()] for line in lines]


def writings(query: Query, statistics: Statistics) -> dict[str, list[str]]:
    """Each other writing that records hold, and the terms of the query that it stands for.

    It stands for those of the first writing that is found; a term of the query stands for itself alone.
    """
    held = statistics.frequencies
    wanted = list(query.joined)
    for term in query.terms:
        wanted += [(other, [term]) for other in others(term, term in query.names, held[term] > 0)]
    for term in query.terms:
        alone = not any(held[other] and terms == [term] for other, terms in wanted)
        if alone and is_code(term):
            longer = sorted(other for other in held if other.startswith(term) and other != term)
            wanted += [(other, [term]) for other in longer if len(longer) <= LIMIT.FEW]
    found: dict[str, list[str]] = {}
    for other, terms in wanted:
        if held[other] and other not in query.terms:
            found.setdefault(other, terms)
    return found


def others(term: str, name: bool, known: bool) -> list[str]:
    """How else a term may be written."""
    found = []
    for word, *rest in groups():
        if not name and term in rest and term != word:
            found.append(word)
        if not name and term == word:
            found += [other for other in rest if other != word]
    if len(term) >= LIMIT.LETTERS and term.isascii() and re.search("ae|oe|ue", term):
        found.append(term.replace("ae", "a").replace("oe", "o").replace("ue", "u"))
    if match := re.fullmatch("([0-9]{1,2})(?:st|nd|rd|th)|([0-9]{4})s", term):
        found.append(match[1] or match[2])
    if re.fullmatch("[0-9]{1,2}", term):
        teen = len(term) == 2 and term[0] == "1"
        found.append(term + ("th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(term[-1], "th")))
    if re.fullmatch("[0-9]{4}", term):
        found.append(term + "s")
    for prefix in WRITINGS.HEBREW * bool(re.match(HEBREW, term)) + WRITINGS.ARABIC * bool(
        re.match(ARABIC, term)
    ):
        found += [prefix + term] * (len(term) >= LIMIT.STEM)
        if term.startswith(prefix) and len(term) - len(prefix) >= LIMIT.STEM:
            found.append(term[len(prefix) :])
    if not known and is_code(term) and re.fullmatch("[0-9a-f]*[a-f][0-9a-f]*", term):
        found += [term[:end] for end in range(len(term) - 1, LIMIT.CODE - 1, -1) if is_code(term[:end])]
    return found


def is_code(term: str) -> bool:
    """Is it long enough for a hash or a number that may be cut short, and has it a digit?"""
    return len(term) >= LIMIT.CODE and re.fullmatch("[a-z0-9]*[0-9][a-z0-9]*", term) is not None
