"""LangChain's documents as records."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document

from agentmem import Record
from agentmem._adapters import key_id, to_json
from agentmem.types import Vector

CATEGORY = "langchain"
"""The category of all records of documents."""

ID = "langchain_id"
"""The key of a record's metadata that holds the id of its document."""


def record_id(scope: str, document_id: str) -> str:
    """The id of the record of a document: documents of two scopes may have the same id."""
    return key_id("langchain", scope, document_id)


def to_record(
    document_id: str, text: str, metadata: dict[str, Any], scope: str, vector: Vector | None
) -> Record:
    """Make the record of a document, whose text is clean.

    Raises ValueError for metadata with the key "langchain_id", and InvalidRecordError for an id with a lone
    surrogate, which is not a character.
    """
    if ID in metadata:
        raise ValueError(f"the metadata of a document cannot have the key {ID!r}, which holds its id")
    return Record(
        text,
        id=record_id(scope, document_id),
        scope=scope,
        categories=[CATEGORY],
        metadata={**to_json(metadata), ID: document_id},
        embedding=vector,
    )


def to_document(record: Record) -> Document:
    """Make a document of a record. A record that LangChain did not write gives its own id."""
    metadata = dict(record.metadata)
    return Document(id=metadata.pop(ID, record.id), page_content=record.content, metadata=metadata)
