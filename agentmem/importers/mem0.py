"""mem0's memories: its local Qdrant folder, or the JSON that `get_all` returns."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError
from agentmem._adapters import clean, key_id, scope_part, to_json

from .json_files import array_items
from .pickles import load_inert
from .source import VECTORS_STAY, Fields, Row, Source, broken, first_date
from .sqlite import open_sqlite

_POINTS = "SELECT point FROM points ORDER BY rowid DESC"  # of a point's rows, the newest counts
_COUNT = "SELECT count(*) FROM points"
# Collections beside those with memories: names that occur in memories, and mem0's own notes.
_ENTITIES = "_entities"
_OWN = "mem0migrations"
# What is no metadata of a memory, or becomes another field of the record.
_FIELDS = ("id", "data", "memory", "hash", "text_lemmatized", "created_at", "updated_at", "score", "metadata")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OWNERS = ("user_id", "agent_id", "run_id")


def open_source(path: Path, scratch: Path) -> Source:
    """Open the folder that `path` in mem0's configuration names, or a file with the JSON of `get_all`."""
    if path.is_file() and path.suffix != ".sqlite":
        return Source(0, _json_rows(path), str(path))
    files = [path] if path.is_file() else sorted(path.rglob("storage.sqlite"))
    files = [file for file in files if not file.parent.name.endswith(_ENTITIES) and file.parent.name != _OWN]
    if not files:
        raise AgentMemError(
            f"{path} has no collection of Qdrant's; name the folder, or the JSON of get_all()"
        )
    opened = [(file, open_sqlite(file, scratch)) for file in files]
    total = sum(connection.execute(_COUNT).fetchone()[0] for _, connection in opened)
    rows = (row for file, connection in opened for row in _rows(file, connection))
    return Source(total, rows, str(path), note=VECTORS_STAY)


def _rows(path: Path, connection: sqlite3.Connection) -> Iterator[Row]:
    with closing(connection):
        for number, (point,) in enumerate(connection.execute(_POINTS), 1):
            yield Row(f"{path}, point {number}", partial(_point, point))


def _point(data: bytes) -> Fields:
    state = load_inert(data).state
    values = state.get("__dict__", state)
    return _memory({**values["payload"], "id": values["id"]})


def _json_rows(path: Path) -> Iterator[Row]:
    try:
        with path.open("rb") as file:
            for number, memory in enumerate(array_items(file, "results"), 1):
                yield Row(f"{path}, memory {number}", partial(_returned, memory))
    except (OSError, ValueError) as error:
        yield broken(str(path), error)


def _returned(memory: dict[str, Any]) -> Fields:
    return _memory({**(memory.get("metadata") or {}), **memory, "data": memory["memory"]})


def _memory(payload: dict[str, Any]) -> Fields:
    """The fields of a memory, which keeps its id. Its scope names its user, agent and run."""
    text, id = payload["data"], str(payload["id"])
    if not isinstance(text, str) or not text.strip():
        raise ValueError("no text")
    expires_at = _expiry(payload.get("expiration_date"))
    if expires_at is not None and expires_at <= datetime.now(timezone.utc):
        return {}
    metadata = {key: value for key, value in payload.items() if key not in _FIELDS}
    if not _UUID.fullmatch(id):  # another program may have the same
        metadata, id = {**metadata, "mem0_id": id}, key_id("mem0", id)
    owners = [(name, str(payload[name])) for name in _OWNERS if payload.get(name)]
    scope = "/".join(
        ["/mem0", *(f"{name.removesuffix('_id')}/{scope_part(owner)}" for name, owner in owners)]
    )
    categories = payload.get("categories")
    return {
        "id": id,
        "content": clean(text),
        "scope": scope,
        "metadata": to_json(metadata),
        "categories": [clean(str(name)) for name in categories if name]
        if isinstance(categories, list)
        else [],
        "created_at": first_date(payload.get("created_at")),
        "updated_at": first_date(payload.get("updated_at"), payload.get("created_at")),
        "expires_at": expires_at,
    }


def _expiry(day: Any) -> datetime | None:
    """The end of the day that mem0 keeps as the last one of a memory."""
    last = first_date(day)
    return None if last is None else last + timedelta(days=1)
