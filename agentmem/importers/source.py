"""A source of an import, and how rows that become records are stored."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentmem import DimensionMismatchError, DuplicateIdError, InvalidRecordError, MemoryStore
from agentmem._adapters import clean

from .report import Report

BATCH = 500

# Errors of a row, not of the store.
_ROW_ERRORS = (InvalidRecordError, DimensionMismatchError, DuplicateIdError)
_NAMESPACE = uuid.UUID("8a8f3d0c-0f5e-5b0e-9d8e-9b9c2f7a4b63")

Fields = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One row of a source: its place, and a function that makes the fields of its record."""

    where: str
    fields: Callable[[], Fields]


def add_records(store: MemoryStore, rows: list[Row], dry_run: bool, report: Report) -> None:
    """Add the records of rows that the store does not have."""
    new: dict[str, tuple[str, Fields]] = {}
    for row in rows:
        try:
            fields = row.fields()
        except Exception as error:  # a broken row must not stop the others
            report.broken += 1
            report.problem(row.where, error)
        else:
            report.known += fields["id"] in new
            new.setdefault(fields["id"], (row.where, fields))
    for known in store.get_many(list(new), include_private=True):
        if known is not None:
            report.known += 1
            del new[known.id]
    if dry_run:
        report.added += len(new)
        return
    try:
        store.add_many([fields for _, fields in new.values()])
        report.added += len(new)
    except _ROW_ERRORS:
        for where, fields in new.values():
            _add_one(store, where, fields, report)


def _add_one(store: MemoryStore, where: str, fields: Fields, report: Report) -> None:
    try:
        try:
            store.add_many([fields])
        except DimensionMismatchError as error:
            store.add_many([{**fields, "embedding": None}])
            report.problem(where, f"stored without its vector: {error}")
        report.added += 1
    except _ROW_ERRORS as error:
        report.broken += 1
        report.problem(where, error)


@dataclass(frozen=True)
class Source:
    """A file or folder that was opened: how many rows it has, the rows, and what adds some of them."""

    total: int
    rows: Iterator[Any]
    add: Callable[[MemoryStore, list[Any], bool, Any], None] = add_records


def row_id(*parts: object) -> str:
    """The id of a record, derived from its source, so that a second import adds nothing."""
    return str(uuid.uuid5(_NAMESPACE, clean("\n".join(map(str, parts)))))


def json_object(text: str | None) -> dict[str, Any]:
    """Parse a JSON object; no text is an empty one."""
    value = json.loads(text or "{}")
    if not isinstance(value, dict):
        raise ValueError(f"metadata is {type(value).__name__}, not an object")
    return value


def copy_sqlite(path: Path, copy: Path) -> None:
    """Copy a database and its write-ahead log."""
    for suffix in ("", "-wal"):
        if (part := path.with_name(path.name + suffix)).exists():
            shutil.copy(part, copy)
