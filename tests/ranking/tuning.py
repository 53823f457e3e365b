"""The constants of the ranking, read from the Rust sources: the oracle checks what is done with them."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SOURCES = Path(__file__).parents[2] / "src"
ITEM = re.compile(r"\bmod (\w+) \{|^(\})|\bconst (\w+): [^=]+ =\s+([^;]+);", re.MULTILINE)


@cache
def constants(file: str) -> SimpleNamespace:
    """The literal constants of a source file by name; those of a module within it are below its name."""
    found: dict[str, Any] = {}
    place = found
    for item in ITEM.finditer((SOURCES / file).read_text(encoding="utf-8")):
        module, end, name, value = item.groups()
        if module:
            place = found.setdefault(module, {})
        elif end:
            place = found
        else:
            try:
                # A text of Rust may have several lines.
                place[name] = ast.literal_eval(f'""{value}""' if value.startswith('"') else value)
            except (ValueError, SyntaxError):
                continue  # It is computed, and none of the ranking's.
    parts = {name: SimpleNamespace(**value) for name, value in found.items() if isinstance(value, dict)}
    return SimpleNamespace(**found | parts)


TUNING = constants("rank/tuning.rs")
BM25 = constants("rank/bm25.rs")
BACKGROUND = constants("text/background.rs")
STOP_WORDS = constants("text/stopwords.rs")
TOKENIZER = constants("text/tokenizer.rs")
AMBIGUOUS = constants("text/ambiguous.rs")
WRITINGS = constants("rank/writings.rs")
WORD_GROUPS = constants("rank/word_groups.rs")
BOILERPLATE = constants("rank/boilerplate.rs")
BAG = constants("text/bag.rs")
DISK = constants("store/retriever/disk.rs")
