"""The words of a text that a search found, in whatever form they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import agentmem

_WORD = re.compile(r"\w(?:[\w'\u2019.-]*\w)?")


def terms_of(words: Iterable[str]) -> frozenset[str]:
    """What the analyzer makes of words."""
    return frozenset(term for word in words for term in agentmem.analyze(word))


def matching_words(text: str, terms: frozenset[str]) -> Iterator[tuple[int, int]]:
    """The start and the end of each word of the text that has one of the terms."""
    if terms:
        for word in _WORD.finditer(text):
            if terms.intersection(agentmem.analyze(word[0])):
                yield word.span()
