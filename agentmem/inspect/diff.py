"""Two texts beside each other: what was taken out, and what was put in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

_LONGEST = 30_000


@dataclass(frozen=True)
class Part:
    """A run of text that both have, or one of them."""

    kind: Literal["same", "out", "in"]
    text: str


def diff(old: str, new: str) -> list[Part]:
    """The parts of both texts by words; of very long texts by lines."""
    words = re.compile(r"\w+|\s+|.", re.DOTALL)
    lines = re.compile(r".*\n|.+")
    tokens = words if max(len(old), len(new)) <= _LONGEST else lines
    before, after = tokens.findall(old), tokens.findall(new)
    parts = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(Part("same", "".join(before[a:b])))
            continue
        if a < b:
            parts.append(Part("out", "".join(before[a:b])))
        if c < d:
            parts.append(Part("in", "".join(after[c:d])))
    return parts


@dataclass(frozen=True)
class Changed:
    """A field with another value."""

    name: str
    parts: list[Part]


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[Changed]:
    """The fields of two records, as texts, that differ."""
    return [Changed(name, diff(old[name], new[name])) for name in old if old[name] != new[name]]
