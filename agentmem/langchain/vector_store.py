"""LangChain's vector store, which also works without an embedding model.

>>> from langchain_core.embeddings import DeterministicFakeEmbedding
>>> from agentmem.langchain import AgentMemVectorStore
>>> notes = AgentMemVectorStore("memory.db", embedding=DeterministicFakeEmbedding(size=8), scope="/notes")
>>> notes.add_texts(["Tea is hot."], [{"topic": "tea"}], ids=["1"])
['1']
>>> notes.similarity_search("Tea is hot.", k=1, filter={"topic": "tea"})
[Document(id='1', metadata={'topic': 'tea'}, page_content='Tea is hot.')]
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from typing_extensions import Self

from agentmem import Hit, Record
from agentmem._adapters import Adapter, StoreOrPath, WithStore, clean
from agentmem.types import Mode, Vector, Where

from ._documents import CATEGORY, record_id, to_document, to_record


class AgentMemVectorStore(WithStore, VectorStore):
    """Documents in a scope of a store, found by vector, by text, or by both.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. With `embedding`,
    documents and queries get its vectors, and searches compare these alone (mode "vector"). Without it,
    agentmem's search by text answers (mode "hybrid"). `embedding` with `mode="hybrid"` joins both. A store
    that was opened with an embedder needs none here.

    A document with the id of another one replaces it. Documents of different scopes may have the same id; a
    search also finds those of the scopes below. Of metadata, values that JSON cannot hold become text.
    `filter` is a condition on the metadata, see `agentmem.types.Where`, and holds inside the search.
    """

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        embedding: Embeddings | None = None,
        scope: str = "/documents",
        mode: Mode | None = None,
    ) -> None:
        """Open the store. Raises InvalidRecordError if `scope` is not one."""
        self._scope = Record("", scope=scope).scope
        self._embedding = embedding
        self._mode: Mode = mode or ("hybrid" if embedding is None else "vector")
        self._adapter = Adapter(store)

    @property
    def embeddings(self) -> Embeddings | None:
        """The embedding model, if there is one."""
        return self._embedding

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Open a vector store with `kwargs` and add texts."""
        documents = cls(embedding=embedding, **kwargs)
        documents.add_texts(texts, metadatas, ids=ids)
        return documents

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: Sequence[dict[str, Any] | None] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add or replace documents, all or none, and return their ids. An id that is None is made.

        If several have one id, the last one stays. Raises ValueError if there are not as many ids or
        metadatas as texts. Other arguments, such as the `batch_size` of LangChain's indexer, have no effect.
        """
        texts = [clean(text) for text in texts]
        if any(given is not None and len(given) != len(texts) for given in (metadatas, ids)):
            raise ValueError("there must be as many ids and metadatas as texts")
        found = [str(id or uuid.uuid4()) for id in ids or [None] * len(texts)]
        vectors: Sequence[Vector | None] = [None] * len(texts)
        if self._embedding is not None and texts:
            vectors = self._embedding.embed_documents(texts)
        records = {}
        for id, text, metadata, vector in zip(
            found, texts, metadatas or [None] * len(texts), vectors, strict=True
        ):
            records[id] = to_record(id, text, metadata or {}, self._scope, vector)
        self.store.put_many(records.values())
        return found

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents with these ids, in their order. Ids without a document are left out."""
        records = self.store.get_many([record_id(self._scope, id) for id in ids])
        return [to_document(record) for record in records if record is not None]

    def delete(self, ids: Sequence[str] | None = None, **kwargs: Any) -> bool:
        """Delete the documents with these ids, or without ids all documents. Missing ones are no error.

        Records that are no documents stay.
        """
        if ids is None:
            self.store.delete(scope=self._scope, categories=CATEGORY)
        else:
            self.store.delete([record_id(self._scope, id) for id in ids])
        return True

    def similarity_search(self, query: str, k: int = 4, *, filter: Where | None = None) -> list[Document]:
        """Return the `k` best documents for a query, best first."""
        return [document for document, _ in self.similarity_search_with_score(query, k, filter=filter)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Where | None = None
    ) -> list[tuple[Document, float]]:
        """Return the `k` best documents with their scores, best first. A higher score is better.

        In mode "vector" the score is the cosine. In mode "hybrid" it is the probability that a reader calls
        the document relevant.
        """
        return self._scored(self._search(query, self._vector(query), self._mode, k, filter))

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Where | None = None
    ) -> list[Document]:
        """Return the `k` documents whose vectors have the highest cosine with `embedding`."""
        return [to_document(hit.record) for hit in self._search("", embedding, "vector", k, filter)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Where | None = None,
    ) -> list[Document]:
        """Choose `k` of the `fetch_k` nearest documents so that they differ from each other.

        Raises ValueError without an embedding model. The formula: Carbonell and Goldstein, 1998.
        """
        vector = self._vector(query)
        if vector is None:
            raise ValueError("max_marginal_relevance_search compares vectors; pass embedding=...")
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, filter=filter)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Where | None = None,
    ) -> list[Document]:
        """As `max_marginal_relevance_search`, for a vector."""
        import numpy

        hits = self._search("", embedding, "vector", fetch_k, filter)
        vectors = [list(hit.record.embedding or ()) for hit in hits]
        chosen = maximal_marginal_relevance(numpy.array(embedding), vectors, lambda_mult, k)
        return [to_document(hits[index].record) for index in chosen]

    def _vector(self, query: str) -> list[float] | None:
        return None if self._embedding is None else list(self._embedding.embed_query(clean(query)))

    def _search(
        self, query: str, vector: Vector | None, mode: Mode, k: int, filter: Where | None
    ) -> list[Hit]:
        return self.store.search(
            query, k, mode=mode, vector=vector, scope=self._scope, categories=CATEGORY, where=filter
        )

    def _scored(self, hits: list[Hit]) -> list[tuple[Document, float]]:
        cosine = self._mode == "vector"
        return [(to_document(hit.record), hit.explain["vector"] if cosine else hit.score) for hit in hits]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda score: max(score, 0.0)
