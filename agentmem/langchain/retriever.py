"""A retriever over the records of a store, without an embedding model.

>>> import agentmem
>>> from agentmem.langchain import AgentMemRetriever
>>> with agentmem.open("memory.db") as store:
...     id = store.add("Alice prefers email over phone.", scope="/user/alice")
>>> retriever = AgentMemRetriever(store="memory.db", scope="/user/alice", k=3)
>>> retriever.invoke("how do I reach alice?")[0].page_content
'Alice prefers email over phone.'
"""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from agentmem._adapters import Adapter
from agentmem.types import Mode, Where

from ._documents import to_document


class AgentMemRetriever(BaseRetriever):
    """Finds records by the hybrid search of agentmem, or by another mode.

    All records of the store are found, whoever wrote them. Filters hold inside the search.
    `invoke(query, k=1)` overrides `k`.
    """

    store: Any = None
    """A path or an open `MemoryStore`; `None` means the default path of `agentmem.open`."""
    k: int = 4
    """The largest number of documents."""
    scope: str | None = None
    """Only records in this scope or below."""
    where: Where | None = None
    """Only records whose metadata meets this condition; see `agentmem.types.Where`."""
    categories: list[str] | None = None
    """Only records with at least one of these categories."""
    source: str | None = None
    """Who asks: private records of this source are found too."""
    mode: Mode = "hybrid"
    """The mode of the search; see `MemoryStore.search`."""
    min_score: float = 0.0
    """Leave out records with a lower score. In mode "hybrid" it is the probability of relevance."""
    dialogue: bool = False
    """The records are turns of conversations, such as those of `AgentMemChatMessageHistory`."""

    _adapter: Adapter = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Open the store now, so that a bad path raises here."""
        super().model_post_init(context)
        self._adapter = Adapter(self.store)

    def close(self) -> None:
        """Close the store if the retriever opened it. It opens again when it is used."""
        self._adapter.close()

    def _get_relevant_documents(
        self, query: str, *, run_manager: Any, k: int | None = None
    ) -> list[Document]:
        hits = self._adapter.store.search(
            query,
            self.k if k is None else k,
            mode=self.mode,
            min_score=self.min_score,
            dialogue=self.dialogue,
            scope=self.scope,
            where=self.where,
            categories=self.categories,
            source=self.source,
        )
        return [to_document(hit.record) for hit in hits]
