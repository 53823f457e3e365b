"""A component that retrieves documents by text, by vector, or by both."""

from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.document_stores.types import FilterPolicy, apply_filter_policy

from agentmem.types import Mode

from .document_store import AgentMemDocumentStore


@component
class AgentMemRetriever:
    """Retrieves documents from an `AgentMemDocumentStore`, without an embedding model if there is none.

    It needs a query. With a query embedding too, from one of Haystack's text embedders, hits by text and by
    vector are joined, or with `mode="vector"` vectors alone decide.
    """

    def __init__(
        self,
        document_store: AgentMemDocumentStore,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        filter_policy: FilterPolicy = FilterPolicy.REPLACE,
    ) -> None:
        """Take the document store.

        Args:
            document_store: where the documents are.
            filters: only documents that match.
            top_k: the largest number of documents.
            mode: "hybrid", "bm25", "tfidf" or "vector"; see `MemoryStore.search`.
            min_score: leave out documents with a lower score. In mode "hybrid" it is the probability of
                relevance.
            filter_policy: whether filters of a run replace `filters` or are joined with them.
        """
        if not isinstance(document_store, AgentMemDocumentStore):
            raise TypeError(f"document_store must be an AgentMemDocumentStore, not {document_store!r}")
        self.document_store = document_store
        self.filters = filters
        self.top_k = top_k
        self.mode = mode
        self.min_score = min_score
        self.filter_policy = filter_policy

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments, from which `from_dict` makes the component again."""
        data: dict[str, Any] = default_to_dict(
            self,
            document_store=self.document_store.to_dict(),
            filters=self.filters,
            top_k=self.top_k,
            mode=self.mode,
            min_score=self.min_score,
            filter_policy=self.filter_policy.value,
        )
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "AgentMemRetriever":
        """Make the component that `to_dict` describes."""
        arguments = dict(data["init_parameters"])
        arguments["document_store"] = AgentMemDocumentStore.from_dict(arguments["document_store"])
        if "filter_policy" in arguments:
            arguments["filter_policy"] = FilterPolicy.from_str(arguments["filter_policy"])
        retriever: AgentMemRetriever = default_from_dict(cls, {**data, "init_parameters": arguments})
        return retriever

    @component.output_types(documents=list[Document])  # type: ignore[untyped-decorator]
    def run(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """Return the documents that are relevant to the query, with scores, best first."""
        return {
            "documents": self.document_store.retrieve(
                **self._arguments(query, query_embedding, filters, top_k)
            )
        }

    @component.output_types(documents=list[Document])  # type: ignore[untyped-decorator]
    async def run_async(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """As `run`. The event loop is not blocked."""
        arguments = self._arguments(query, query_embedding, filters, top_k)
        return {"documents": await self.document_store.retrieve_async(**arguments)}

    def _arguments(
        self,
        query: str,
        query_embedding: list[float] | None,
        filters: dict[str, Any] | None,
        top_k: int | None,
    ) -> dict[str, Any]:
        return {
            "query": query,
            "query_embedding": query_embedding,
            "filters": apply_filter_policy(self.filter_policy, self.filters, filters),
            "top_k": self.top_k if top_k is None else top_k,
            "mode": self.mode,
            "min_score": self.min_score,
        }
