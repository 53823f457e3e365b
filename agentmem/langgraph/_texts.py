"""The texts of an item: those that get vectors, and the one that text search reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langgraph.store.base import get_text_at_path

from agentmem._adapters import clean

_WHOLE = "$"
_DEEPEST = 100  # as deep as metadata may be


def embedded(value: Any, paths: list[str]) -> list[str]:
    """The texts at some paths, each for a vector of its own. The whole value is one text, as JSON."""
    return [text for path in paths for text in get_text_at_path(value, path)]


def words(value: Any, paths: list[str]) -> str:
    """What text search reads. The whole value is given as lines: JSON would put escapes into words."""
    lines: list[str] = []
    for path in paths:
        lines += _lines(value) if path == _WHOLE else get_text_at_path(value, path)
    return clean("\n".join(lines))


def _lines(value: Any, key: str = "", depth: int = 0) -> Iterator[str]:
    """Every text and number in a value, with its key."""
    if isinstance(value, (Mapping, list, tuple)) and depth <= _DEEPEST:
        parts = value.items() if isinstance(value, Mapping) else ((key, part) for part in value)
        for name, part in parts:
            yield from _lines(part, name, depth + 1)
    elif value is not None:
        yield f"{key}: {value}"
