"""Vectors whose number of dimensions is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agentmem import DimensionMismatchError, Record


def refuse_other_dimensions(replaced: list[Record], records: list[dict[str, Any]]) -> None:
    """Refuse to replace a vector with one of another dimension. The store allows that for its only vector."""
    old = {record.id: record.embedding for record in replaced}
    for record in records:
        expected, found = old.get(record["id"]), record["embedding"]
        if expected and found and len(expected) != len(found):
            message = (
                f"the vector has {len(found)} dimensions, but the one that it replaces has {len(expected)}"
            )
            raise DimensionMismatchError(message, len(expected), len(found))


@contextmanager
def crewai_errors() -> Iterator[None]:
    """Raise CrewAI's own error for a vector with the wrong number of dimensions."""
    try:
        yield
    except DimensionMismatchError as error:
        try:
            from crewai.memory.storage.backend import EmbeddingDimensionMismatchError
        except ImportError:  # early versions with unified memory do not have it
            raise error from None
        raise EmbeddingDimensionMismatchError(error.expected, error.found) from error
