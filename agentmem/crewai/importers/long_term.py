"""Long-term memory of crewai <= 1.9.3: a SQLite table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from agentmem._adapters import clean
from agentmem.importers import Fields, Row, Source, json_object, open_sqlite, row_id

from ..legacy import legacy_scope, task_record

_QUERY = "SELECT id, task_description, metadata, datetime, score FROM long_term_memories ORDER BY id"


def open_long_term(path: Path, crew: str, copy: Path) -> Source:
    """Open `long_term_memory_storage.db`."""
    scope = legacy_scope(crew, "long_term")
    connection = open_sqlite(path, copy)
    total = connection.execute("SELECT count(*) FROM long_term_memories").fetchone()[0]

    def rows() -> Iterator[Row]:
        with closing(connection):
            for row in connection.execute(_QUERY):
                yield Row(f"{path}, row {row[0]}", partial(_task, row, scope))

    return Source(total, rows(), str(path))


def _task(row: tuple[Any, ...], scope: str) -> Fields:
    task, metadata, datetime, score = row[1:]
    if not isinstance(task, str) or not task.strip():
        raise ValueError("no task description")
    fields = task_record(clean(task), json_object(metadata), str(datetime), score, scope)
    return {**fields, "id": row_id("long_term", scope, *row)}
