"""A retriever over the records of a store, without an embedding model."""

from __future__ import annotations

import asyncio

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from typing_extensions import Unpack

from agentmem._adapters import Adapter, StoreOrPath, WithStore, clean
from agentmem.types import Filters, Mode


class AgentMemRetriever(WithStore, BaseRetriever):
    """Finds the records of a store that are relevant to a query, best first.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Filters are those
    of `MemoryStore.search`, such as `scope="/notes"` and `where={"topic": "billing"}`. A record becomes a
    text node with its id, its metadata and its score: in mode "hybrid", the probability that it is relevant.
    """

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        similarity_top_k: int = 10,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        dialogue: bool = False,
        **filters: Unpack[Filters],
    ) -> None:
        """Open the store. At most `similarity_top_k` nodes come back, scored at least `min_score`."""
        super().__init__()
        self._adapter = Adapter(store)
        self._top_k = similarity_top_k
        self._mode = mode
        self._min_score = min_score
        self._dialogue = dialogue
        self._filters = filters

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self.store.search(
            clean(query_bundle.query_str),
            self._top_k,
            mode=self._mode,
            min_score=self._min_score,
            dialogue=self._dialogue,
            **self._filters,
        )
        return [
            NodeWithScore(
                node=TextNode(id_=hit.record.id, text=hit.record.content, metadata=hit.record.metadata),
                score=hit.score,
            )
            for hit in hits
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
