"""The file of the reference memory server: one JSON object a line, entities before relations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from agentmem import MemoryStore
from agentmem._adapters import clean, distinct
from agentmem.importers import Fields, Row

from .knowledge import KnowledgeGraph
from .records import entity_record, observation_record, relation_record


def rows_of(path: Path, scope: str) -> Iterator[Row]:
    """The records that the lines of a file become, in a graph's scope. A damaged line is a row that fails."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            records = _records(json.loads(line.decode("utf-8-sig")), scope)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            yield Row(where, partial(_fail, error))
        else:
            for record in records:
                yield Row(where, partial(dict, record))


def _records(item: Any, scope: str) -> list[Fields]:
    match item:
        case {"type": "entity", "name": str(name), "entityType": str(kind), "observations": [*texts]}:
            name, kind = distinct(name), clean(kind)
            if not all(isinstance(text, str) for text in texts):
                raise ValueError("an observation is not text")
            observations = [observation_record(scope, name, kind, clean(text)) for text in texts]
            return [entity_record(scope, name, kind), *observations]
        case {"type": "relation", "from": str(source), "to": str(target), "relationType": str(kind)}:
            return [relation_record(scope, distinct(source), distinct(target), distinct(kind))]
    raise ValueError("this is neither an entity nor a relation")


def _fail(error: Exception) -> Fields:
    raise ValueError(f"not a line of a memory file: {error}") from error


def export_memory_file(store: MemoryStore, file: BinaryIO, scope: str = "/") -> int:
    """Write the knowledge graph as the reference server keeps it, and return the number of lines.

    It has no newline at the end.
    """
    graph = KnowledgeGraph(store, scope).read()
    lines = [
        *({"type": "entity", **entity.to_dict()} for entity in graph.entities),
        *({"type": "relation", **relation.to_dict()} for relation in graph.relations),
    ]
    texts = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)
    file.write("\n".join(texts).encode())
    return len(lines)
