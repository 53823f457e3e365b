"""LangGraph's long-term memory: `compile(store=)` and `create_agent(store=)`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future
from itertools import takewhile
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchOp,
    TTLConfig,
    ensure_embeddings,
    validate_op_namespace,
)

from agentmem import Batch, DimensionMismatchError, InvalidFilterError, Record
from agentmem._adapters import Adapter, StoreOrPath, completed, key_id, retry_on_conflict
from agentmem.langgraph import _expiry
from agentmem.langgraph._filters import condition
from agentmem.langgraph._items import VECTORS, item_of, metadata_of, owner_of, search_item, vector_ids
from agentmem.langgraph._namespaces import ROOT, Namespace, matches, namespaces, scope_of, within
from agentmem.langgraph._sweeper import Sweeper
from agentmem.langgraph._texts import embedded, words
from agentmem.langgraph._together import Together

_Vectors = dict[str, list[float]]
_Found = list[tuple[Record, float | None]]


class AgentMemStore(Adapter, BaseStore):
    """A `BaseStore` for threads, event loops and processes.

    `search(query=)` returns the items that match, best first, and then the others, newest first, with score
    None. Without an embedder, words decide, and the score is the estimated probability that an item is
    relevant. With `index={"embed": ...}`, words and vectors decide together, and the score is the cosine.

    An item is gone when its TTL ends; with `omit_expired` False it is kept until a sweep. A batch reads
    before it writes, and its writes are one transaction.
    """

    supports_ttl = True

    def __init__(
        self, store: StoreOrPath = None, *, index: IndexConfig | None = None, ttl: TTLConfig | None = None
    ) -> None:
        """Open the store.

        Args:
            store: a path, an open `MemoryStore`, or None for the default path of `agentmem.open`.
            index: "embed" makes vectors, of "dims" numbers; "fields" are paths to what is searched, by
                default the whole value.
            ttl: "default_ttl" and "sweep_interval_minutes" in minutes; "refresh_on_read" and "omit_expired",
                both by default True.
        """
        super().__init__(store)
        self.ttl_config = ttl
        self.index_config = index
        self._fields = (index or {}).get("fields") or ["$"]
        self.embeddings = ensure_embeddings(index["embed"]) if index and "embed" in index else None
        self._sweeper: Sweeper | None = None
        self._together = Together()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations, all or none; the results are in their order."""
        ops = _validated(ops)
        texts, queries = self._to_embed(ops)
        if self.embeddings is None or not texts + queries:
            return self._execute(ops, {}, {})
        documents = self.embeddings.embed_documents(texts) if texts else []
        asked = [self.embeddings.embed_query(query) for query in queries]
        return self._execute(ops, self._paired(texts, documents), self._paired(queries, asked))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, in a thread. A write that has begun ends before a cancelled caller goes on.

        Batches of gets and puts that tasks begin at the same time are one batch, and each has its own error.
        """
        ops = _validated(ops)
        kinds = {type(op) for op in ops}
        if not kinds <= {GetOp, PutOp}:
            return await self._abatch(ops)
        results = self._together.begin(ops, self._abatch)
        return await (completed(results) if PutOp in kinds else results)

    async def _abatch(self, ops: list[Op]) -> list[Result]:
        texts, queries = self._to_embed(ops)
        documents: list[list[float]] = []
        asked: list[list[float]] = []
        if self.embeddings is not None:
            documents = await self.embeddings.aembed_documents(texts) if texts else []
            asked = await asyncio.gather(*map(self.embeddings.aembed_query, queries))
        vectors = self._paired(texts, documents), self._paired(queries, asked)
        work = asyncio.to_thread(self._execute, ops, *vectors)
        return await (completed(work) if any(isinstance(op, PutOp) for op in ops) else work)

    def sweep_ttl(self) -> int:
        """Delete what has expired, and return how many records. Every write deletes some of it anyway."""
        purged = self.store.purge(ROOT)
        return purged + _expiry.sweep(self.store, ROOT) if self._keeps_expired else purged

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Sweep every few minutes, by default 5, until the future is cancelled or the store closed."""
        self.stop_ttl_sweeper()
        minutes = sweep_interval_minutes or (self.ttl_config or {}).get("sweep_interval_minutes") or 5
        self._sweeper = Sweeper(self.sweep_ttl, 60 * minutes)
        return self._sweeper.future

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop the sweeper, and return whether it ended within `timeout` seconds."""
        return self._sweeper is None or self._sweeper.stop(timeout)

    def close(self) -> None:
        """Stop the sweeper, and close the store if the adapter opened it. It opens again when it is used."""
        self.stop_ttl_sweeper()
        super().close()

    def _to_embed(self, ops: list[Op]) -> tuple[list[str], list[str]]:
        """The texts and the queries that need vectors, each once."""
        if self.embeddings is None:
            return [], []
        texts = [text for op in ops if isinstance(op, PutOp) for text in embedded(op.value, self._paths(op))]
        queries = [op.query for op in ops if isinstance(op, SearchOp) and op.query]
        return list(dict.fromkeys(texts)), list(dict.fromkeys(queries))

    def _paired(self, texts: list[str], vectors: list[list[float]]) -> _Vectors:
        """Vectors by text. Raises DimensionMismatchError unless they have as many numbers as `index` says."""
        expected = (self.index_config or {}).get("dims")
        for found in map(len, vectors):
            if expected is not None and found != expected:
                message = f"the index has dims={expected}, but its embed gave a vector of {found} numbers"
                raise DimensionMismatchError(message, expected, found)
        return dict(zip(texts, vectors, strict=True))

    @property
    def _keeps_expired(self) -> bool:
        return (self.ttl_config or {}).get("omit_expired") is False

    def _paths(self, op: PutOp) -> list[str]:
        if op.value is None or op.index is False:
            return []
        return self._fields if op.index is None else op.index

    # Reading

    def _execute(self, ops: list[Op], documents: _Vectors, queries: _Vectors) -> list[Result]:
        ids = [key_id(*op.namespace, op.key) if isinstance(op, (GetOp, PutOp)) else "" for op in ops]
        gets = [id for id, op in zip(ids, ops, strict=True) if isinstance(op, GetOp)]
        items = dict(zip(gets, self.store.get_many(gets), strict=True)) if gets else {}
        results: list[Result] = []
        refreshed: list[str] = []
        for id, op in zip(ids, ops, strict=True):
            found: _Found = []
            if isinstance(op, GetOp):
                item = items[id]
                found = [(item, None)] if item else []
                results.append(item_of(item) if item else None)
            elif isinstance(op, SearchOp):
                found = self._search(op, queries.get(op.query or ""))
                results.append([search_item(*each) for each in found if "namespace" in each[0].metadata])
            else:
                results.append(self._list_namespaces(op) if isinstance(op, ListNamespacesOp) else None)
            if found and op.refresh_ttl and self.ttl_config is not None:
                refreshed += [item.id for item, _ in found if item.expires_at is not None]
        puts = {id: op for id, op in zip(ids, ops, strict=True) if isinstance(op, PutOp)}
        if puts or refreshed:
            self._write(puts, refreshed, documents)
        return results

    def _search(self, op: SearchOp, vector: list[float] | None) -> _Found:
        scope, conditions = within(tuple(op.namespace_prefix))
        if op.filter:
            conditions.append(condition(op.filter, "/value"))
        where = {"$and": conditions} if conditions else None
        if not op.query:
            newest = self.store.list(op.limit, op.offset, order="updated", scope=scope, where=where)
            return [(item, None) for item in newest]
        end = op.offset + op.limit
        if vector is None:
            hits = self.store.search(op.query, end, scope=scope, where=where)
            found: _Found = [(hit.record, hit.score) for hit in hits]
        else:
            found = [(item, None) for item in self._fused(op.query, vector, end, scope, where)]
        if len(found) < end:
            seen = {item.id for item, _ in found}
            others = self.store.list(end, order="updated", scope=scope, where=where)
            found += [(item, None) for item in others if item.id not in seen]
        page = found[op.offset : end]
        return page if vector is None else self._scored(op.query, vector, [item for item, _ in page])

    def _fused(
        self, query: str, vector: list[float], limit: int, scope: str, where: dict[str, Any] | None
    ) -> list[Record]:
        """The best items by words and vectors. An item ranks where the best of its records does."""
        others = {"of": {"$exists": True}}
        size = limit
        while True:
            hits = self.store.search(
                query,
                size,
                vector=vector,
                scope=scope,
                where=where and {"$or": [others, where]},
                source=VECTORS,
            )
            ids = list(dict.fromkeys(owner_of(hit.record) for hit in hits))
            items = {hit.record.id: hit.record for hit in hits if not hit.record.private}
            missing = [id for id in ids if id not in items]
            items.update((item.id, item) for item in self.store.list(None, ids=missing, where=where))
            found = [items[id] for id in ids if id in items]
            if len(found) >= limit or len(hits) < size:
                return found[:limit]
            size *= 2

    def _scored(self, query: str, vector: list[float], items: list[Record]) -> _Found:
        """Items with the best cosine of their vectors; None for those without."""
        ids = [id for item in items for id in (item.id, *vector_ids(item))]
        hits = self.store.search(query, len(ids), mode="vector", vector=vector, ids=ids, source=VECTORS)
        cosines: dict[str, float] = {}
        for hit in hits:
            owner = owner_of(hit.record)
            cosines[owner] = max(hit.explain["vector"], cosines.get(owner, -1.0))
        return [(item, cosines.get(item.id)) for item in items]

    def _list_namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        conditions = op.match_conditions or ()
        prefixes = [tuple(takewhile("*".__ne__, c.path)) for c in conditions if c.match_type == "prefix"]
        scope = scope_of(max(prefixes, key=len, default=()))
        found = namespaces(self.store, scope)
        matching = {n[: op.max_depth] for n in found if all(matches(c, n) for c in conditions)}
        return sorted(matching)[op.offset : op.offset + op.limit]

    # Writing

    @retry_on_conflict
    def _write(self, puts: dict[str, PutOp], refreshed: list[str], vectors: _Vectors) -> None:
        with self.store.batch() as batch:
            for item in self.store.get_many(refreshed) if refreshed else ():
                if item is not None and (minutes := item.metadata.get("ttl")):
                    batch.check(item.id, if_version=item.version or 0)  # another write may end its TTL
                    ends = _expiry.end(minutes, kept="kept" in item.metadata)
                    batch.touch([item.id, *vector_ids(item)], **ends)
            for (id, op), old in zip(puts.items(), self.store.get_many(list(puts)), strict=True):
                if op.value is not None:
                    self._put(batch, id, op, old, vectors)
                elif old is not None:
                    batch.delete(id, if_version=old.version)
                    batch.delete(vector_ids(old))

    def _put(self, batch: Batch, id: str, op: PutOp, old: Record | None, vectors: _Vectors) -> None:
        paths = self._paths(op)
        texts = [] if self.embeddings is None else embedded(op.value, paths)
        embeddings: list[list[float] | None] = [vectors[text] for text in texts]
        first, *others = embeddings or [None]
        content = words(op.value, paths)
        kept = self._keeps_expired and op.ttl is not None
        metadata = metadata_of(op.namespace, op.key, op.value, ttl=op.ttl, kept=kept, vectors=len(others))
        expiry = _expiry.end(op.ttl, kept=kept)
        scope = scope_of(tuple(op.namespace))
        fields = {"metadata": metadata, "embedding": first, **expiry}
        if old is None:
            batch.put(content, id=id, scope=scope, if_version=0, **fields)
        else:
            batch.update(id, content=content, if_version=old.version, **fields)
            batch.delete(vector_ids(old))
        for number, vector in enumerate(others):
            batch.put(
                "",
                id=f"{id}/{number}",
                scope=scope,
                private=True,
                source=VECTORS,
                metadata={"of": id},
                embedding=vector,
                **expiry,
            )


def _validated(ops: Iterable[Op]) -> list[Op]:
    ops = list(ops)
    for op in ops:
        if not isinstance(op, (GetOp, SearchOp, ListNamespacesOp, PutOp)):
            raise ValueError(f"Unknown operation: {op!r}")
        validate_op_namespace(op)
        if isinstance(op, (SearchOp, ListNamespacesOp)) and min(op.limit, op.offset) < 0:
            raise InvalidFilterError(f"limit and offset must not be negative: {op.limit}, {op.offset}")
    return ops
