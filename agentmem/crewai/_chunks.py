"""The chunks that CrewAI's knowledge sources make, as texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

# CrewAI's CSV and JSON sources chunk the repr of a dict from paths to texts.
_REPR = re.compile(r"\{(?:Posix|Windows)Path\(")
_PATH = re.compile(r"(?:Posix|Windows)Path\(('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\): ")


def texts(chunks: Sequence[str]) -> list[str]:
    """The chunks without repetitions and blanks, and without those that lie within the chunk before.

    The repr of a dict of files becomes the texts of the files, in chunks of the same size and overlap.
    """
    found: list[str] = []
    for chunk in _unwrapped(chunks):
        if chunk.strip() and not (found and chunk in found[-1]):
            found.append(chunk)
    return list(dict.fromkeys(found))


def _unwrapped(chunks: Sequence[str]) -> list[str]:
    if not (chunks and _REPR.match(chunks[0])):
        return list(chunks)
    size, step = len(chunks[0]), _step(chunks)
    # A source that was added twice holds its chunks twice.
    again = next((n for n in range(1, len(chunks)) if chunks[n] == chunks[0]), len(chunks))
    whole = chunks[0] + "".join(chunk[size - step :] for chunk in chunks[1:again])
    try:
        files = ast.literal_eval(_PATH.sub(r"\1: ", whole))
    except (ValueError, SyntaxError):
        return list(chunks)
    return [text[start : start + size] for text in files.values() for start in range(0, len(text), step)]


def _step(chunks: Sequence[str]) -> int:
    """How many characters after the start of the first chunk the second one starts."""
    first = chunks[0]
    if len(chunks) == 1 or chunks[1] == first:
        return len(first)
    second = chunks[1]
    return next((n for n in range(1, len(first)) if second.startswith(first[n:])), len(first))
