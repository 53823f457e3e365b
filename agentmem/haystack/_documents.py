"""Haystack's documents as records."""

from __future__ import annotations

import base64
from typing import Any

from haystack import Document
from haystack.dataclasses import ByteStream, SparseEmbedding

from agentmem import Record
from agentmem._adapters import clean, key_id, to_json

from ._dates import moments

CATEGORY = "haystack"
"""The category of all records of documents."""


def record_id(scope: str, document_id: str) -> str:
    """The id of the record of a document: documents of two scopes may have the same id."""
    return key_id("haystack", scope, document_id)


def to_record(document: Document, scope: str) -> Record:
    """Make the record of a document."""
    metadata: dict[str, Any] = {"id": document.id, "text": document.content is not None}
    if document.score is not None:
        metadata["score"] = float(document.score)
    if document.blob is not None:
        metadata["blob"] = {
            "data": base64.b64encode(document.blob.data).decode(),
            "meta": to_json(document.blob.meta),
            "mime_type": document.blob.mime_type,
        }
    if document.sparse_embedding is not None:
        metadata["sparse_embedding"] = document.sparse_embedding.to_dict()
    return Record(
        clean(document.content or ""),
        id=record_id(scope, document.id),
        scope=scope,
        categories=[CATEGORY],
        metadata=with_meta(metadata, document.meta),
        embedding=document.embedding or None,
    )


def with_meta(metadata: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a record whose document has other metadata."""
    meta = to_json(meta)
    return {**metadata, "meta": meta, "dates": dict(moments(meta))}


def to_document(record: Record, score: float | None = None) -> Document:
    """Make a document of a record, with the score of a search or its own."""
    metadata = dict(record.metadata)
    blob, sparse = metadata.get("blob"), metadata.get("sparse_embedding")
    if blob is not None:
        blob = ByteStream(**{**blob, "data": base64.b64decode(blob["data"])})
    return Document(
        id=metadata["id"],
        content=record.content if metadata["text"] else None,
        blob=blob,
        meta=metadata["meta"],
        score=metadata.get("score") if score is None else score,
        embedding=None if record.embedding is None else list(record.embedding),
        sparse_embedding=None if sparse is None else SparseEmbedding.from_dict(sparse),
    )
