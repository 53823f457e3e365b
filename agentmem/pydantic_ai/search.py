"""Search in memory files, within the bounds that the harness sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic_ai_harness.memory import MemorySearchMatch

from agentmem import Hit, MemoryStore

_LEAST_SHARE = 200  # characters of a match, if there is room


class File(NamedTuple):
    """A file as far as it may be searched. The name is the path below the prefix."""

    id: str
    path: str
    name: str
    text: str
    cut: bool


class Found(NamedTuple):
    """A file that answers a query, and the place in its text that does."""

    file: File
    score: float
    place: int


def find(store: MemoryStore, scope: str, files: Sequence[File], query: str) -> list[Found]:
    """The files of a scope that answer the query, best first.

    A score is the relevance of the text, from 0 to 1, plus 1 for each word of the query in the name. The text
    of a file that is cut is relevant only if it has a word of the query.
    """
    words = query.lower().split()
    hits = {
        hit.record.id: hit for hit in store.search(query, len(files), scope=scope, ids=[f.id for f in files])
    }
    found = []
    for file in files:
        hit, text = hits.get(file.id), file.text.lower()
        places = [place for word in words if (place := text.find(word)) >= 0]
        if file.cut and not places:
            hit = None
        score = sum(word in file.name.lower() for word in words) + (hit.score if hit else 0.0)
        if score > 0:
            found.append(Found(file, score, _place(hit, places)))
    return sorted(found, key=lambda one: (-one.score, one.file.path))


def excerpts(found: Sequence[Found], max_chars: int) -> list[MemorySearchMatch]:
    """As many matches as fit: their names and snippets have at most `max_chars` characters together."""
    matches: list[MemorySearchMatch] = []
    room = max_chars
    for file, score, place in found:
        share = max(_LEAST_SHARE, room // (len(found) - len(matches)))
        size = min(room, share) - len(file.name)
        if size <= 0:
            break
        snippet = _snippet(file.text, place, size)
        matches.append(MemorySearchMatch(path=file.path, snippet=snippet, score=score))
        room -= len(file.name) + len(snippet)
    return matches


def _place(hit: Hit | None, places: Sequence[int]) -> int:
    """Where the passage of a hit begins, else the first word of the query."""
    if hit is not None and hit.passage is not None:
        return hit.passage[0]
    return min(places, default=0)


def _snippet(text: str, place: int, size: int) -> str:
    """`size` characters of a text around a place, with dots where it is cut."""
    start = max(0, min(place - size // 3, len(text) - size))
    snippet = text[start : start + size]
    if start > 0:
        snippet = "..." + snippet[3:]
    if start + size < len(text):
        snippet = snippet[:-3] + "..."
    return snippet[:size]
