"""Chroma's documents, from the SQLite file of a persistent client; its vectors stay behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError
from agentmem._adapters import clean, key_id, scope_part, to_json

from .source import VECTORS_STAY, Fields, Row, Source, first_date
from .sqlite import columns, open_sqlite

_FILE = "chroma.sqlite3"
_DOCUMENT = "chroma:document"
_FROM = """FROM embeddings JOIN segments ON embeddings.segment_id = segments.id
JOIN collections ON collections.id = segments.collection WHERE segments.scope = 'METADATA'"""
_ROWS = f"""SELECT embeddings.id, embedding_id, created_at, collections.id, collections.name
{_FROM} ORDER BY embeddings.id"""
_VALUES = ("string_value", "int_value", "float_value", "bool_value")


def open_source(path: Path, scratch: Path) -> Source:
    """Open the folder of a persistent client, or its SQLite file."""
    file = path / _FILE if path.is_dir() else path
    if not file.is_file():
        raise AgentMemError(f"there is no {file}; name the folder of Chroma's PersistentClient")
    connection = open_sqlite(file, scratch)
    if not columns(connection, "embedding_metadata"):
        raise AgentMemError(f"{file} is no database of Chroma's, or one of a version before 0.4")
    total = connection.execute(f"SELECT count(*) {_FROM}").fetchone()[0]
    return Source(total, _rows(file, connection), str(file), note=VECTORS_STAY)


def _rows(path: Path, connection: sqlite3.Connection) -> Iterator[Row]:
    with closing(connection):
        queries = _metadata_queries(connection)
        for row, id, created, collection, name in connection.execute(_ROWS):
            where = f"{path}, {name}, {id}"
            yield Row(where, partial(_document, connection, queries, row, id, created, collection, name))


def _metadata_queries(connection: sqlite3.Connection) -> list[str]:
    """The queries for single values and, since Chroma 1.4, for lists."""
    tables = ("embedding_metadata", "embedding_metadata_array")
    found = [(table, columns(connection, table)) for table in tables]
    values = [", ".join(name if name in names else "NULL" for name in _VALUES) for _, names in found if names]
    return [f"SELECT key, {v} FROM {table} WHERE id = ?" for v, table in zip(values, tables, strict=False)]


def _document(
    connection: sqlite3.Connection,
    queries: list[str],
    row: int,
    id: str,
    created: Any,
    collection: str,
    name: str,
) -> Fields:
    metadata: dict[str, Any] = {
        key: _value(*values) for key, *values in connection.execute(queries[0], (row,))
    }
    for query in queries[1:]:
        for key, *values in connection.execute(query, (row,)):
            metadata.setdefault(key, []).append(_value(*values))
    text = metadata.pop(_DOCUMENT, None)
    return {
        "id": key_id("chroma", collection, id),
        "content": clean(text) if isinstance(text, str) else "",
        "scope": f"/chroma/{scope_part(name)}",
        "metadata": {**to_json(metadata), "chroma_id": clean(id)},
        "created_at": first_date(created),
    }


def _value(text: str | None, integer: int | None, real: float | None, boolean: int | None) -> Any:
    if boolean is not None:
        return bool(boolean)
    return next((value for value in (text, integer, real) if value is not None), None)
