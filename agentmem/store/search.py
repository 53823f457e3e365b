"""Searching, and explaining what a search finds."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import Unpack

from agentmem._core import Hit
from agentmem.errors import InvalidFilterError
from agentmem.store.part import StorePart
from agentmem.types import Explanation, Filters, Mode, Vector


class Search(StorePart):
    """The methods of a store that rank records by a query."""

    def search(
        self,
        query: str,
        limit: int = 10,
        *,
        offset: int = 0,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        vector: Vector | None = None,
        dialogue: bool = False,
        recency_weight: float = 0.0,
        importance_weight: float = 0.0,
        half_life_days: float = 30.0,
        **filters: Unpack[Filters],
    ) -> list[Hit]:
        """Return the records that are relevant to a query, best first. No text is query syntax.

        Args:
            query: a question, keywords, or a long task description.
            limit: the largest number of hits.
            offset: leave out this many of the best hits.
            mode: "hybrid" (BM25, then a second stage that reads the best candidates), "bm25", "tfidf"
                (cosine; exact for the 200 records that an estimate ranks first), or "vector" (cosine of
                embeddings).
            min_score: leave out hits with a lower score. In mode "hybrid" the score estimates the
                probability that a reader calls the record relevant, and `hit.explain["answered"]` the
                probability that any hit is relevant.
            vector: the embedding of the query. Without it, the store's embedder makes it, if there is one.
            dialogue: the records are turns of a conversation. A turn's neighbours in its scope and the name
                of its speaker ("Alice: ...") raise its score. For mode "hybrid" only.
            recency_weight: the weight of a record's recency; the weight of relevance is 1.
            importance_weight: the weight of a record's importance.
            half_life_days: the age at which recency is 0.5.
            filters: search only records that pass; see `agentmem.types.Filters`.
        """
        (vector,), name = self._query_vectors([query], None if vector is None else [vector], mode)
        blend = (recency_weight, importance_weight, half_life_days)
        return self._store.search(
            query, limit, offset, mode, min_score, vector, name, dialogue, blend, **filters
        )

    def search_many(
        self,
        queries: Iterable[str],
        limit: int = 10,
        *,
        offset: int = 0,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        vectors: Iterable[Vector | None] | None = None,
        dialogue: bool = False,
        recency_weight: float = 0.0,
        importance_weight: float = 0.0,
        half_life_days: float = 30.0,
        **filters: Unpack[Filters],
    ) -> list[list[Hit]]:
        """Search for each query, in parallel on all cores, and return a list of hits for each."""
        if isinstance(queries, str):
            raise InvalidFilterError(
                "invalid filter: queries must be a list of text, not one text; use search()"
            )
        queries = list(queries)
        given = None if vectors is None else list(vectors)
        if given is not None and len(given) != len(queries):
            raise InvalidFilterError(f"invalid filter: {len(given)} vectors for {len(queries)} queries")
        given, name = self._query_vectors(queries, given, mode)
        blend = (recency_weight, importance_weight, half_life_days)
        return self._store.search_many(
            queries, limit, offset, mode, min_score, given, name, dialogue, blend, **filters
        )

    def explain(
        self,
        query: str,
        id: str,
        limit: int = 10,
        *,
        offset: int = 0,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        vector: Vector | None = None,
        dialogue: bool = False,
        recency_weight: float = 0.0,
        importance_weight: float = 0.0,
        half_life_days: float = 30.0,
        **filters: Unpack[Filters],
    ) -> Explanation:
        """Return why a record is a hit of the search with these arguments, or why not.

        It costs two or three searches. Raises RecordNotFoundError if there is no such record that the
        viewer may see.
        """
        (vector,), name = self._query_vectors([query], None if vector is None else [vector], mode)
        blend = (recency_weight, importance_weight, half_life_days)
        explained = self._store.explain(
            query, id, limit, offset, mode, min_score, vector, name, dialogue, blend, **filters
        )
        return Explanation(**explained)

    def _query_vectors(
        self,
        queries: list[str],
        given: list[Vector | None] | None,
        mode: str,
    ) -> tuple[list[Vector | None], str | None]:
        """The vectors of the queries, and the name of the embedder that made them."""
        if given is not None:
            return given, None
        if self._embedder is None and mode == "vector":
            raise InvalidFilterError(
                'invalid filter: mode "vector" needs vector=..., or a store with an embedder'
            )
        texts = all(isinstance(query, str) for query in queries)
        if self._embedder is None or not texts or mode not in ("hybrid", "vector"):
            return [None] * len(queries), None
        return self._embedder.queries(queries), self._embedder.name
