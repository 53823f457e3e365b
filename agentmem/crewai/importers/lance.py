"""Memory of crewai >= 1.10: a LanceDB table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError
from agentmem._adapters import clean, to_json
from agentmem.importers import Fields, Row, Source, json_object

from .._storage import aware, normalised

_PAGE = 500


def open_lance(path: Path, crew: str, copy: Path) -> Source:
    """Open `memories.lance`. LanceDB changes nothing when it reads, so no copy is needed."""
    try:
        import lancedb
    except ImportError as error:
        raise AgentMemError("reading it needs lancedb; pip install lancedb") from error
    table = lancedb.connect(str(path.parent)).open_table(path.stem)

    def rows() -> Iterator[Row]:
        for batch in table.search().limit(None).to_batches(_PAGE):
            for row in batch.to_pylist():
                yield Row(f"{path}, {row.get('id')}", partial(_memory, row))

    return Source(table.count_rows(), rows(), str(path))


def _memory(row: dict[str, Any]) -> Fields:
    vector = row.get("vector")
    categories = json.loads(row.get("categories_str") or "[]")
    if not isinstance(categories, list):
        raise ValueError(f"categories are {type(categories).__name__}, not a list")
    return {
        "id": str(row["id"]),
        "content": clean(row["content"]),
        "scope": normalised(row.get("scope") or "/"),
        "categories": [clean(str(category)) for category in categories if category],
        "metadata": to_json(json_object(row.get("metadata_str"))),
        "importance": row.get("importance", 0.5),
        "source": row.get("source") or None,
        "private": bool(row.get("private")),
        "created_at": _moment(row["created_at"]),
        "last_accessed": _moment(row.get("last_accessed") or row["created_at"]),
        "embedding": vector if vector is not None and any(vector) else None,
    }


def _moment(text: Any) -> datetime:
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return aware(moment)
