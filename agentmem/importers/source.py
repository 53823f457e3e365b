"""A source of an import: where rows come from, and how they become records."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from agentmem import (
    DimensionMismatchError,
    DuplicateIdError,
    InvalidFilterError,
    InvalidRecordError,
    MemoryStore,
    Record,
)
from agentmem._adapters import distinct
from agentmem.types import Progress

from .report import Report

# A transaction takes so many rows, or rows with so much text.
_ROWS = 500
_CHARACTERS = 8_000_000

# Errors of a row, not of the store. InvalidFilterError: in PostgreSQL, the rows are of several spaces.
_ROW_ERRORS = (InvalidRecordError, DimensionMismatchError, DuplicateIdError, InvalidFilterError)
_NAMESPACE = uuid.UUID("8a8f3d0c-0f5e-5b0e-9d8e-9b9c2f7a4b63")

VECTORS_STAY = "vectors stay behind: only the model that made them can search them; see agentmem embed"
"""The note of a source whose items have vectors."""

Fields = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One item of a source: its place, and a function that makes the fields of its record.

    No fields are nothing to remember. The function raises an error for a broken item.
    """

    where: str
    fields: Callable[[], Fields]


class Run:
    """One import into a store: it writes records, counts, and tells how far it has come."""

    def __init__(
        self,
        store: MemoryStore,
        report: Report,
        *,
        dry_run: bool = False,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Take the store and the report that is filled.

        `replace=True` replaces records that the store has and that differ from the source.
        """
        self.store = store
        self.report = report
        self.dry_run = dry_run
        self._replace = replace
        self._progress = progress
        self._done = self._total = 0

    def read(self, sources: Iterable[Source]) -> None:
        """Import the rows of sources. One that cannot be read to its end does not stop the others."""
        sources = list(sources)
        self._total = sum(source.total for source in sources)
        for source in sources:
            self.report.notes += [source.note] if source.note else []
            source.add(self, self._readable(source))

    def _readable(self, source: Source) -> Iterator[Any]:
        try:
            yield from source.rows
        except Exception as error:  # whatever a damaged file makes its reader raise
            self.report.problem(source.name, error)

    def advance(self, items: int) -> None:
        """Tell the progress function that so many more items are done; an exception in it ends all."""
        self._done += items
        if self._progress is not None and items:
            self._progress(self._done, self._total)

    def add(self, rows: Iterable[Row]) -> None:
        """Add the records of rows that the store does not have."""
        new: dict[str, tuple[str, Fields]] = {}
        read = characters = 0
        for row in rows:
            read += 1
            if fields := self._fields(row):
                self.report.known += fields["id"] in new
                new.setdefault(fields["id"], (row.where, fields))
                characters += len(fields["content"])
            if read == _ROWS or characters >= _CHARACTERS:
                self._write(new)
                self.advance(read)
                new, read, characters = {}, 0, 0
        self._write(new)
        self.advance(read)

    def _fields(self, row: Row) -> Fields:
        try:
            return row.fields()
        except Exception as error:  # a broken row must not stop the others
            self.broken(row.where, error)
            return {}

    def broken(self, where: str, error: Exception) -> None:
        """Count an item that could not be read or stored."""
        self.report.broken += 1
        self.report.problem(where, error)

    def _write(self, new: dict[str, tuple[str, Fields]]) -> None:
        changed: set[str] = set()
        for known in self.store.get_many(list(new), include_private=True):
            if known is None:
                continue
            if self._replace and _differs(known, new[known.id][1]):
                changed.add(known.id)
            else:
                self.report.known += 1
                del new[known.id]
        written = len(new) if self.dry_run else self._write_all(new, changed)
        self.report.replaced += len(changed)
        self.report.added += written - len(changed)

    def _write_all(self, new: dict[str, tuple[str, Fields]], changed: set[str]) -> int:
        """Write records, and return how many the store took; those that it refused leave `changed`."""
        try:
            self._store([fields for _, fields in new.values()])
            return len(new)
        except _ROW_ERRORS:
            refused = [id for id, (where, fields) in new.items() if not self._write_one(where, fields)]
            changed.difference_update(refused)
            return len(new) - len(refused)

    def _write_one(self, where: str, fields: Fields) -> bool:
        try:
            try:
                self._store([fields])
            except DimensionMismatchError as error:
                self._store([{**fields, "embedding": None}])
                self.report.problem(where, f"stored without its vector: {error}")
        except _ROW_ERRORS as error:
            self.broken(where, error)
            return False
        return True

    def _store(self, records: list[Fields]) -> None:
        if self._replace:
            self.store.put_many(records)
        else:
            self.store.add_many(records, on_conflict="skip")


def _differs(known: Record, fields: Fields) -> bool:
    """Whether the source says something else than the store."""
    new = (fields["content"], fields.get("metadata", {}), list(fields.get("categories", ())))
    return (known.content, known.metadata, list(known.categories)) != new


@dataclass(frozen=True)
class Source:
    """A file or folder that was opened: how many rows it has, the rows, its name, and what adds the rows."""

    total: int
    """For the progress; 0 if it is not known."""
    rows: Iterator[Any]
    name: str = "the source"
    add: Callable[[Run, Iterator[Any]], None] = Run.add
    note: str | None = None
    """What stays behind, and why."""


def broken(where: str, error: Exception) -> Row:
    """A row for what cannot be read."""

    def fields() -> Fields:
        raise error

    return Row(where, fields)


def row_id(*parts: object) -> str:
    """The id of a record, derived from its source, so that a second import adds nothing."""
    return str(uuid.uuid5(_NAMESPACE, distinct("\n".join(map(str, parts)))))


def json_object(text: str | bytes | None) -> dict[str, Any]:
    """Parse a JSON object; no text is an empty one."""
    value = json.loads(text or "{}")
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} instead of a JSON object")
    return value


def first_date(*values: object) -> datetime | None:
    """The first of some values that is a moment: a datetime, ISO 8601 text, or seconds since 1970."""
    for value in values:
        try:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, timezone.utc)
            if isinstance(value, (str, datetime)):
                return Record("", created_at=value).created_at
        except (InvalidRecordError, ValueError, OverflowError, OSError):
            continue
    return None
