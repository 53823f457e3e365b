"""Chroma collections: short-term and entity memory of crewai <= 1.9.3, and knowledge of all versions."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError
from agentmem._adapters import clean, key_id, scope_part, to_json
from agentmem.importers import Fields, Row, Source

from .._storage import aware
from ..legacy import legacy_scope, output_record

_PAGE = 500

# The collection of knowledge that names none.
_KNOWLEDGE = "knowledge"

# Makes the fields of a record from a document's id, text and metadata.
MakeFields = Callable[[str, str, dict[str, Any]], Fields]


def open_chroma(path: Path, crew: str, copy: Path) -> Source:
    """Open `chroma.sqlite3`, with the files beside it."""
    try:
        import chromadb
    except ImportError as error:
        raise AgentMemError("reading it needs chromadb; pip install chromadb") from error
    copy = copy / "chroma"
    shutil.copytree(
        path.parent, copy, ignore=shutil.ignore_patterns("*.lance", "long_term_memory_storage.db*")
    )
    dates = _dates(copy / path.name)
    client = chromadb.PersistentClient(str(copy), chromadb.Settings(anonymized_telemetry=False))
    collections = [
        (client.get_collection(collection.name, embedding_function=None), make)
        for collection in client.list_collections()
        if (make := _maker(collection.name, crew)) is not None
    ]

    def rows() -> Iterator[Row]:
        for collection, make in collections:
            for offset in range(0, collection.count(), _PAGE):
                page = collection.get(limit=_PAGE, offset=offset, include=["documents", "metadatas"])
                documents, metadatas = page["documents"] or [], page["metadatas"] or []
                for doc_id, text, metadata in zip(page["ids"], documents, metadatas, strict=True):
                    yield Row(
                        f"{path}, {collection.name}, {doc_id}",
                        partial(_fields, make, doc_id, text, metadata, dates),
                    )

    return Source(sum(collection.count() for collection, _ in collections), rows(), str(path))


def _maker(collection: str, crew: str) -> MakeFields | None:
    """What makes records of a collection's documents; None if the collection is not CrewAI's."""
    for prefix, kind in {"memory_short_term": "short_term", "memory_entities": "entity"}.items():
        if collection.startswith(prefix):
            return partial(_output, legacy_scope(crew, kind))
    if collection == _KNOWLEDGE or collection.startswith(_KNOWLEDGE + "_"):
        return partial(_chunk, collection.removeprefix(_KNOWLEDGE + "_"))
    return None


def _output(scope: str, doc_id: str, text: str, metadata: dict[str, Any]) -> Fields:
    return output_record(clean(text), metadata, scope, doc_id)


def _chunk(collection: str, doc_id: str, text: str, metadata: dict[str, Any]) -> Fields:
    """A chunk as `KnowledgeStorage` keeps it, so that a crew that saves it again finds it there."""
    return {
        "id": key_id("knowledge", collection, text),
        "content": clean(text),
        "scope": f"/knowledge/{scope_part(collection)}",
        "metadata": to_json(metadata),
    }


def _fields(
    make: MakeFields, doc_id: str, text: str | None, metadata: Any, dates: dict[str, datetime]
) -> Fields:
    if text is None or not text.strip():
        raise ValueError("no text")
    fields = make(doc_id, text, dict(metadata or {}))
    return fields | ({"created_at": dates[doc_id]} if doc_id in dates else {})


def _dates(database: Path) -> dict[str, datetime]:
    """When each document was added. Chroma's interface does not tell, but its table does."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT embedding_id, created_at FROM embeddings").fetchall()
        return {doc_id: aware(datetime.fromisoformat(created)) for doc_id, created in rows}
    except (sqlite3.Error, TypeError, ValueError):
        return {}
