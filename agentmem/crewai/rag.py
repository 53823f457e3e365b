"""What crewai-tools' `RagTool` searches, without a key and without a vector database.

>>> from crewai_tools import RagTool
>>> from agentmem.crewai import RagAdapter
>>> tool = RagTool(adapter=RagAdapter("crew.db", "handbook"))
>>> tool.add("Churn fell to 2.1 % in May.")
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from crewai_tools.adapters.crewai_rag_adapter import CrewAIRagAdapter

from agentmem import MemoryStore, Record
from agentmem._adapters import StoreOrPath, clean, key_id, scope_part, to_json

from .knowledge_storage import KnowledgeStorage, replace


class RagAdapter(CrewAIRagAdapter):
    """Keeps what `RagTool.add` reads in a collection of the store, the same that `KnowledgeStorage` has.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. CrewAI's tools
    read and chunk files and pages as ever. A file or page that is added again replaces what it was.
    """

    def __init__(self, store: StoreOrPath = None, collection: str = "rag", **fields: Any) -> None:
        """Open the store. `fields` are CrewAI's own: `similarity_threshold` (0.6) and `limit` (5)."""
        super().__init__(collection_name=collection, **fields)
        self._client = _Client(KnowledgeStorage(store, collection))

    def model_post_init(self, context: Any) -> None:
        """Do not make CrewAI's client: it needs a key."""

    @property
    def store(self) -> MemoryStore:
        """The store of the chunks."""
        store: MemoryStore = self._client.storage.store
        return store

    def close(self) -> None:
        """Close the store if this object opened it. It opens again when it is used."""
        self._client.storage.close()


class _Client:
    """The two methods of a vector database that CrewAI's adapter calls."""

    def __init__(self, storage: KnowledgeStorage) -> None:
        self.storage = storage

    def add_documents(self, *, collection_name: str, documents: list[dict[str, Any]]) -> None:
        sources: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for document in documents:
            metadata = document.get("metadata") or {}
            sources[str(metadata.get("file_path") or metadata.get("source") or "")].append(document)
        for source, chunks in sources.items():
            scope = f"{self.storage.scope}/{scope_part(source)}"
            replace(self.storage.store, scope, _records(scope, chunks))

    def search(
        self, *, collection_name: str, query: str, limit: int, score_threshold: float
    ) -> list[dict[str, Any]]:
        return self.storage.search([query], limit, None, score_threshold)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Client:
        return self


def _records(scope: str, documents: list[dict[str, Any]]) -> Iterator[Record]:
    for document in documents:
        text = document["content"]
        if text.strip():
            metadata = to_json(document.get("metadata") or {})
            yield Record(clean(text), id=key_id("knowledge", scope, text), scope=scope, metadata=metadata)
