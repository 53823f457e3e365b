"""CrewAI's memories as records, and its filters as those of a store."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentmem import Record
from agentmem._adapters import clean, contains, to_json

from ._storage import aware, normalised, public_metadata

if TYPE_CHECKING:
    from crewai.memory.types import MemoryRecord


def to_fields(memory: MemoryRecord, within: str) -> dict[str, Any]:
    """The fields of a record for a memory, in the scope `within` or below."""
    scope = normalised(memory.scope)
    return {
        "id": str(memory.id),
        "content": clean(memory.content),
        "scope": scope if contains(within, scope) else normalised(f"{within}/{scope}"),
        "categories": [clean(category) for category in memory.categories if category],
        "metadata": to_json(memory.metadata),
        "importance": memory.importance,
        "source": memory.source or None,
        "private": memory.private,
        "created_at": aware(memory.created_at),
        "last_accessed": aware(memory.last_accessed),
        "embedding": list(memory.embedding)
        if memory.embedding is not None and len(memory.embedding)
        else None,
    }


def to_memory(record: Record) -> MemoryRecord:
    from crewai.memory.types import MemoryRecord

    return MemoryRecord(
        id=record.id,
        content=record.content,
        scope=record.scope,
        categories=list(record.categories),
        metadata=public_metadata(record.metadata),
        importance=record.importance,
        created_at=naive(record.created_at),
        last_accessed=naive(record.last_accessed),
        embedding=None if record.embedding is None else list(record.embedding),
        source=record.source,
        private=record.private,
    )


def is_id(text: str) -> bool:
    """Whether a record can have this id."""
    return 0 < len(text.encode(errors="surrogatepass")) <= 1024 and text == clean(text)


def where(metadata_filter: dict[str, Any]) -> dict[str, Any]:
    """The condition that each key has its value. As in CrewAI's storage, a missing key has the value None."""
    tests: list[dict[str, Any]] = []
    for key, value in metadata_filter.items():
        equal = {key: {"$eq": to_json(value)}}
        tests.append(equal if value is not None else {"$or": [equal, {key: {"$exists": False}}]})
    return {"$and": tests}


def naive(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
