"""A part of a text, where there is no room for all of it."""

from __future__ import annotations


def excerpt(text: str, start: int, end: int, *, blank: str = " ") -> str:
    """`text[start:end]`, with an ellipsis on each side where something is left out, and `blank` beside it."""
    before = f"…{blank}" if start else ""
    after = f"{blank}…" if end < len(text) else ""
    return f"{before}{text[start:end]}{after}"
