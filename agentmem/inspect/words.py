"""Texts of records as HTML: escaped, with the words that a search found marked."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from agentmem import _excerpt
from agentmem._matching_words import matching_words

# Characters that a browser does not show, or that reorder what it shows: controls but for newline and tab,
# those of the Unicode property Bidi_Control, separators, zero-width ones, and lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> Markup:
    """The text, escaped. Characters that are not seen are written as `\\u001b`."""
    parts: list[Markup] = []
    end = 0
    for hidden in _HIDDEN.finditer(text):
        parts += [escape(text[end : hidden.start()]), _code(hidden[0])]
        end = hidden.end()
    return Markup("").join([*parts, escape(text[end:])])


def _code(character: str) -> Markup:
    return Markup('<span class="code">\\u{:04x}</span>').format(ord(character))


def marked(text: str, terms: frozenset[str]) -> Markup:
    """The text, escaped, with the words that have one of the terms in `<mark>`."""
    parts: list[Markup] = []
    end = 0
    for first, last in matching_words(text, terms):
        parts += [visible(text[end:first]), Markup("<mark>") + visible(text[first:last]) + Markup("</mark>")]
        end = last
    return Markup("").join([*parts, visible(text[end:])])


def excerpt(text: str, passage: tuple[int, int] | None = None, longest: int = 600) -> str:
    """The passage of a text, or its beginning, with an ellipsis for what is left out."""
    start, end = passage or (0, len(text))
    end = min(end, start + longest)
    return _excerpt.excerpt(text, start, end)
