"""Import the items of LangGraph's SqliteStore, as `AgentMemStore` keeps them. The file is not changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError, MemoryStore
from agentmem._adapters import key_id, to_json
from agentmem.importers import Fields, Report, Row, Source, first_date, import_place, json_object, open_sqlite
from agentmem.importers.sqlite import columns
from agentmem.langgraph._items import metadata_of
from agentmem.langgraph._namespaces import scope_of
from agentmem.langgraph._texts import words
from agentmem.types import Progress

_COLUMNS = ("prefix", "key", "value", "created_at", "updated_at", "expires_at", "ttl_minutes")


def import_sqlite_store(
    store: MemoryStore,
    path: str | os.PathLike[str],
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    replace: bool = False,
) -> Report:
    """Add the items that a store does not have; `AgentMemStore(store)` then has them.

    The other arguments are those of `import_sources`. Raises AgentMemError if there is nothing to read.
    """
    return import_place(store, _open, Path(path), dry_run, progress, replace)


def _open(path: Path, scratch: Path) -> Source:
    if not path.is_file():
        raise AgentMemError(f"there is no file {path}; name the one of SqliteStore")
    connection = open_sqlite(path, scratch)
    there = columns(connection, "store")
    if not {"prefix", "key", "value"} <= set(there):
        raise AgentMemError(f"{path} has no table of SqliteStore's")
    total = connection.execute("SELECT count(*) FROM store").fetchone()[0]
    names = ", ".join(name if name in there else "NULL" for name in _COLUMNS)  # older files have no TTL
    return Source(total, _rows(path, connection, f"SELECT {names} FROM store"), str(path))


def _rows(path: Path, connection: sqlite3.Connection, query: str) -> Iterator[Row]:
    with closing(connection):
        for row in connection.execute(query):
            yield Row(f"{path}, {row[0]}, {row[1]}", partial(_item, *row))


def _item(
    prefix: str, key: str, text: str | bytes, created: Any, updated: Any, expires: Any, ttl: float | None
) -> Fields:
    """The fields of an item, without its vectors; nothing for one that has expired."""
    expires_at = first_date(expires)
    if expires_at is not None and expires_at <= datetime.now(timezone.utc):
        return {}
    namespace = tuple(prefix.split(".")) if prefix else ()
    value = json_object(text)
    return {
        "id": key_id(*namespace, key),
        "content": words(value, ["$"]),
        "scope": scope_of(namespace),
        "metadata": to_json(metadata_of(namespace, key, value, ttl=ttl)),
        "created_at": first_date(created),
        "updated_at": first_date(updated, created),
        "expires_at": expires_at,
    }
