"""Values as JSON has them, for the twins of pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from agentmem import Hit, Record


def plain(value: Any) -> Any:
    """A value of dicts, lists, texts and numbers that has what the given one has."""
    if isinstance(value, Record):
        return record_fields(value)
    if isinstance(value, Hit):
        passage = list(value.passage) if value.passage else None
        record = record_fields(value.record)
        return {"score": value.score, "explain": value.explain, "passage": passage, "record": record}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def record_fields(record: Record) -> dict[str, Any]:
    """The fields of a record. Of its embedding only the number of dimensions."""
    named: dict[str, Any] = json.loads(record.to_json())
    embedding = named.pop("embedding", None)
    return {**named, "version": record.version, "dimensions": len(embedding) if embedding else None}
