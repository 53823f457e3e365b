"""What the user says about hits: relevant or not. A file of its own, never in the store."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass

import agentmem


@dataclass(frozen=True)
class Label:
    """A judgement of a record as an answer to a query."""

    query: str
    id: str
    relevant: bool | None
    """None takes a judgement back."""
    score: float | None
    """What the search estimated, if its score is a probability."""


class Labels:
    """The labels of a store: one JSON object a line, the last one of a query and a record counts."""

    def __init__(self, path: str) -> None:
        """Take the path of the file. Neither it nor its folder needs to exist."""
        self.path = path
        self._lock = threading.Lock()

    def add(self, label: Label) -> None:
        """Write a label. Raises StorePathError if the file cannot be written."""
        line = json.dumps(asdict(label)) + "\n"
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with self._lock, open(self.path, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise agentmem.StorePathError(error.errno, error.strerror, self.path) from error

    def all(self) -> list[Label]:
        """All labels that count, in the order of their queries. Lines that are no labels are left out."""
        try:
            with open(self.path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return []
        except OSError as error:
            raise agentmem.StorePathError(error.errno, error.strerror, self.path) from error
        found = {(label.query, label.id): label for line in lines if (label := _label(line))}
        return [label for label in found.values() if label.relevant is not None]

    def of(self, query: str) -> dict[str, bool]:
        """The judgements of a query by record."""
        return {label.id: bool(label.relevant) for label in self.all() if label.query == query}


def _label(line: str) -> Label | None:
    try:
        fields = json.loads(line)
        query, id, relevant, score = (fields[name] for name in ("query", "id", "relevant", "score"))
    except (ValueError, LookupError, TypeError):
        return None
    texts = isinstance(query, str) and isinstance(id, str)
    judged = relevant is None or isinstance(relevant, bool)
    number = score is None or (isinstance(score, (int, float)) and 0 <= score <= 1)
    return Label(query, id, relevant, score) if texts and judged and number else None
