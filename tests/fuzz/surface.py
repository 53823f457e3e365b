"""Calls of the Python surface, made of any bytes: `python tests/fuzz/surface.py tests/fuzz/corpus/surface`.

Whatever is handed in, a call returns or raises `AgentMemError`, `TypeError` or `ValueError`; and the store
stays sound.
"""

from __future__ import annotations

import contextlib
import math
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import agentmem

TEXTS = ["note", "Alice prefers email", "/a", "/a/b", "", "\0", "\ud800", "上海", "{", "$gte", "x" * 2000]
NAMES = [
    *("year", "topic", "$or", "$not", "$in", "$gte", "$exists", "id", "content", "scope", ""),
    *("/year", "/a/0", "/~1a", "/~2", "/"),
]
NUMBERS = [0, 1, -1, 0.5, 2**53 + 1, 2**63, -(2**63), 2**200, 1e308, math.nan, math.inf, -0.0]
MOMENTS = [
    datetime(2024, 1, 2, 3, 4, 5, 6, timezone.utc),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, timezone(timedelta(hours=-12))),
    datetime(2024, 1, 2),
]


class Choices:
    """Decisions, one byte each; when the bytes are used up, always the first."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def of(self, things: list[Any]) -> Any:
        """One of them."""
        return things[self.byte() % len(things)]

    def text(self) -> str:
        """A known text, or the next bytes."""
        length = self.byte() % 64
        if length < len(TEXTS):
            return TEXTS[length]
        self.at += length
        return self.data[self.at - length : self.at].decode(errors="surrogateescape")

    def value(self, depth: int = 4) -> Any:
        """Anything."""
        simple: list[Callable[[], Any]] = [
            self.text,
            lambda: self.of(NUMBERS),
            lambda: self.of([None, True, False, b"bytes", object(), ...]),
            lambda: self.of(MOMENTS),
        ]
        if depth == 0:
            return self.of(simple)()
        return self.of([*simple, lambda: self.values(depth), lambda: self.named(depth)])()

    def values(self, depth: int = 4) -> list[Any]:
        """A list of a few."""
        return [self.value(depth - 1) for _ in range(self.byte() % 4)]

    def named(self, depth: int = 4) -> dict[Any, Any]:
        """A dict of a few."""
        return {
            self.of([*NAMES, self.text, 5]) if depth else self.text(): self.value(depth - 1)
            for _ in range(self.byte() % 4)
        }

    def arguments(self, *names: str) -> dict[str, Any]:
        """Some of these, with anything."""
        return {self.of(list(names)): self.value() for _ in range(self.byte() % 3)}


RECORD = (
    *("id", "scope", "metadata", "categories", "importance", "source", "private", "created_at", "embedding"),
    *("ttl", "expires_at"),
)
FILTERS = ("scope", "categories", "where", "since", "until", "source", "include_private", "ids")
SEARCH = (*FILTERS, "mode", "min_score", "vector", "dialogue", "limit", "offset")


def call(store: agentmem.MemoryStore, choices: Choices) -> None:
    """One call of any kind."""
    kinds: list[Callable[[], object]] = [
        lambda: store.add(choices.text(), **choices.arguments(*RECORD)),
        lambda: store.put(choices.value(), **choices.arguments(*RECORD)),
        lambda: store.add_many(choices.values()),
        lambda: store.update(choices.of(["a", choices.text()]), **choices.arguments("content", *RECORD)),
        lambda: store.get(choices.value(), **choices.arguments("source", "include_private")),
        lambda: store.list(choices.value(), choices.value(), **choices.arguments(*FILTERS)),
        lambda: store.count(where=choices.named(), **choices.arguments("scope", "categories", "since")),
        lambda: store.search(choices.text(), **choices.arguments(*SEARCH)),
        lambda: store.search(choices.value(), choices.value()),
        lambda: store.search_many(choices.values(), **choices.arguments(*SEARCH)),
        lambda: store.delete(choices.value(), **choices.arguments(*FILTERS)),
        lambda: store.touch(choices.value()),
        lambda: store.scopes(choices.value()),
        lambda: store.scope_info(choices.value()),
        lambda: store.categories(**choices.arguments(*FILTERS)),
        lambda: agentmem.Record(choices.value(), **choices.arguments(*RECORD)).to_dict(),
        lambda: agentmem.analyze(choices.value()),
        lambda: store.supersede("a", choices.value(), **choices.arguments("if_version", *RECORD)),
        lambda: store.list(**choices.arguments("order", "after", *FILTERS)),
        lambda: store.scopes(**choices.arguments("recursive", "after", "limit")),
        lambda: store.explain(choices.text(), choices.of(["a", choices.text()])),
        lambda: store.get("a", at=choices.value()),
        lambda: store.changes(**choices.arguments("after", "limit")),
        lambda: store.duplicates(**choices.arguments("min_score", "limit", *FILTERS)),
        lambda: store.touch("a", **choices.arguments("ttl", "expires_at")),
        lambda: store.delete("a", **choices.arguments("if_version")),
        lambda: store.journals(**choices.arguments("prefix", "after", "limit")),
        lambda: entries(store.journal(choices.of(["log", choices.value()])), choices),
        lambda: batch(store, choices),
    ]
    with contextlib.suppress(agentmem.AgentMemError, TypeError, ValueError):
        choices.of(kinds)()


def entries(journal: Any, choices: Choices) -> None:
    """One call of a journal; what it takes comes back as it was."""
    value = choices.value()
    kinds: list[Callable[[], object]] = [
        lambda: kept(journal, value),
        lambda: journal.append(value, **choices.arguments("ttl", "if_last")),
        lambda: journal.extend(value, **choices.arguments("ttl", "if_last")),
        lambda: journal.put(choices.of(["k", value]), value, **choices.arguments("ttl", "if_number")),
        lambda: journal.read(**choices.arguments("last", "after", "limit")),
        lambda: journal.items(**choices.arguments("prefix", "after", "limit", "reverse")),
        lambda: journal.get(value),
        lambda: journal.delete(value),
        lambda: journal.delete(**choices.arguments("keys", "numbers")),
        lambda: journal.prune(**choices.arguments("keep", "before")),
        lambda: journal.clear(**choices.arguments("if_last")),
        journal.pop,
    ]
    choices.of(kinds)()


def kept(journal: Any, value: Any) -> None:
    """Append it and read it."""
    number = journal.append(value)
    (entry,) = journal.read(after=number - 1)
    assert repr(entry.value) == repr(value)


def batch(store: agentmem.MemoryStore, choices: Choices) -> None:
    """A few calls in one transaction."""
    with store.batch() as collected:
        for _ in range(choices.byte() % 4):
            kinds: list[Callable[[], object]] = [
                lambda: collected.put(choices.text(), **choices.arguments("if_version", *RECORD)),
                lambda: collected.add(choices.value(), **choices.arguments("on_conflict", *RECORD)),
                lambda: collected.update("a", **choices.arguments("content", "if_version", *RECORD)),
                lambda: collected.supersede("a", choices.text(), **choices.arguments("if_version")),
                lambda: collected.delete(choices.value(), **choices.arguments("if_version", *FILTERS)),
                lambda: collected.touch(choices.value(), **choices.arguments("ttl", "expires_at")),
                lambda: collected.check(choices.value(), **choices.arguments("if_version")),
                lambda: collected.journal("log").append(choices.value()),
                lambda: collected.journal(choices.text()).put(choices.text(), choices.value()),
            ]
            choices.of(kinds)()


def one_input(data: bytes) -> None:
    """Up to twelve calls on a store of its own."""
    choices = Choices(data)
    store = one_store()
    store.reset(journals=True)
    store.add("Alice prefers email over phone.", id="a", scope="/a", metadata={"year": 2024})
    for _ in range(min(12, len(data))):
        call(store, choices)
    for hit in store.search("alice email", include_private=True):
        assert 0 <= hit.score <= 1
    report = store.verify()
    assert report, report.problems


def one_store() -> agentmem.MemoryStore:
    """The one that all inputs share."""
    if not STORES:
        folder = Path(tempfile.mkdtemp(prefix="agentmem-fuzz-"))
        STORES.append(agentmem.open(folder / "memory.db", durability="normal"))
    return STORES[0]


STORES: list[agentmem.MemoryStore] = []

if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
