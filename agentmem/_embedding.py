"""Vectors from the store's embedder."""

from __future__ import annotations

from collections.abc import Sequence

from agentmem._core import Call
from agentmem.errors import InvalidRecordError
from agentmem.types import Embedder, Vector


def make_vectors(embedder: Embedder, texts: list[str]) -> list[Vector]:
    """One vector for each text.

    Raises InvalidRecordError if the embedder returns another number of vectors.
    """
    made = list(embedder(texts))
    if len(made) != len(texts):
        raise InvalidRecordError(f"the embedder returned {len(made)} vectors for {len(texts)} texts")
    return made


def embed(embedder: Embedder, calls: Sequence[Call]) -> None:
    """Give the calls the vectors of their new texts. The embedder is called once for all of them."""
    texts = [call.texts for call in calls]
    together = [text for part in texts for text in part]
    made = iter(make_vectors(embedder, together) if together else [])
    for call, part in zip(calls, texts, strict=True):
        call.embed([next(made) for _ in part])
