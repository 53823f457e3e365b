"""Finding records by a query's vector. The scores are on CrewAI's scale from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentmem import Hit, MemoryStore, Record
from agentmem._adapters import clean
from agentmem._similarity import similarity

from ._dimensions import crewai_errors
from .embedder import LocalEmbedder, cosine, text_of, words_of

# The highest score for relevance. From 0.85 on, CrewAI asks its LLM to consolidate memories. That is for
# memories with the same content, not for relevant ones.
_MOST_BY_RELEVANCE = 0.84
# The highest score of a private record by its text. From 0.98 on, CrewAI treats it as a repetition.
_MOST_OF_PRIVATE = 0.97
# How many of the most relevant records are checked for the exact text of the query.
_CHECKED_FOR_TEXT = 50


def find(
    store: MemoryStore, vector: Sequence[float], limit: int, filters: dict[str, Any]
) -> list[tuple[Record, float]]:
    """The records most similar to a query, best first, with scores from 0 to 1."""
    vector = list(map(float, vector))
    embedded = text_of(vector)
    text, like = "", _vector_likeness(vector)
    options = dict(filters)
    if embedded is None:
        options.update(mode="vector", vector=vector)
    elif embedded.local:
        text, like = embedded.text, _text_likeness(vector)
    else:
        text = embedded.text
        options.update(vector=vector)
    with crewai_errors():
        hits = store.search(clean(text), max(limit, _CHECKED_FOR_TEXT) if text else limit, **options)
    # Longer texts on the subject may be more relevant than the exact text, which must be returned.
    words = words_of(text)
    hits = hits[:limit] + [hit for hit in hits[limit:] if text and words_of(hit.record.content) == words]
    found = [(hit.record, _score(hit, like, by_text=embedded is not None)) for hit in hits]
    found.sort(key=lambda pair: pair[1], reverse=True)
    return found[:limit]


def _score(hit: Hit, like: Callable[[Record], float], *, by_text: bool) -> float:
    own = like(hit.record)
    return max(own, _MOST_BY_RELEVANCE * similarity(hit)) if by_text else own


def _text_likeness(vector: Sequence[float]) -> Callable[[Record], float]:
    embedder = LocalEmbedder(len(vector))

    def like(record: Record) -> float:
        most = _MOST_OF_PRIVATE if record.private else 1.0
        return max(0.0, min(most, cosine(vector, embedder.vector(record.content))))

    return like


def _vector_likeness(vector: Sequence[float]) -> Callable[[Record], float]:
    def like(record: Record) -> float:
        if record.embedding is None:
            return 0.0
        return 1 / (3 - 2 * max(-1.0, min(1.0, cosine(vector, record.embedding))))

    return like
