"""The knowledge of crews and agents, without a key and without a vector database.

>>> from agentmem.crewai import KnowledgeStorage
>>> handbook = Knowledge("handbook", sources, storage=KnowledgeStorage("crew.db", "handbook"))
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from crewai.knowledge.storage.base_knowledge_storage import BaseKnowledgeStorage

from agentmem import MemoryStore, Record
from agentmem._adapters import Adapter, StoreOrPath, clean, key_id, scope_part
from agentmem._progress import drawn_bar
from agentmem._similarity import similarity

from ._chunks import texts
from ._storage import logged

_PART = 1000


class KnowledgeStorage(BaseKnowledgeStorage):
    """Keeps chunks of knowledge in a collection, each chunk once.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Collections do
    not see each other. With `own=True`, searches see only what was saved through this object: this is how
    `install` keeps crews apart, which CrewAI gives one name.
    """

    def __init__(
        self, store: StoreOrPath = None, collection: str = "knowledge", *, own: bool = False
    ) -> None:
        """Open the store, and the collection in it."""
        super().__init__()
        values = {
            "_adapter": Adapter(store),
            "_collection": collection,
            "_saved": dict[str, str]() if own else None,
        }
        # The base is a pydantic model from 1.14 on, and a plain class before.
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def store(self) -> MemoryStore:
        """The store of the chunks."""
        adapter: Adapter = self._adapter
        return adapter.store

    @property
    def scope(self) -> str:
        """The scope of the collection's records."""
        return f"/knowledge/{scope_part(self._collection)}"

    def close(self) -> None:
        """Close the store if this object opened it. It opens again when it is used."""
        self._adapter.close()

    @logged
    def save(self, documents: list[str]) -> None:
        """Save chunks that are not there yet, with a progress bar for many on a terminal."""
        chunks = {key_id("knowledge", self._collection, text): clean(text) for text in texts(documents)}
        if self._saved is not None:
            self._saved.update(chunks)
        self._add(chunks)

    @logged
    def search(
        self,
        query: list[str],
        limit: int = 5,
        metadata_filter: dict[str, Any] | None = None,
        score_threshold: float = 0.6,
    ) -> list[Any]:
        """Return the chunks that answer the query, best first: dicts of id, content, metadata and score."""
        if not query or limit <= 0:
            return []
        text = " ".join([query] if isinstance(query, str) else query)
        ids = None if self._saved is None else list(self._saved)
        if ids is not None and self.store.count(ids=ids) < len(ids):
            self._add(self._saved)  # another crew with the same chunks was reset
        hits = self.store.search(text, limit, scope=self.scope, ids=ids, where=metadata_filter)
        found = [(hit.record, similarity(hit)) for hit in hits]
        return [
            {
                "id": record.id,
                "content": record.content,
                "metadata": dict(record.metadata),
                "score": score,
            }
            for record, score in found
            if score >= score_threshold
        ]

    @logged
    def reset(self) -> None:
        """Delete the chunks of the collection; with `own=True`, those that were saved through this object."""
        if self._saved is None:
            self.store.reset(self.scope)
        else:
            self.store.delete(ids=list(self._saved))
            self._saved.clear()

    async def asave(self, documents: list[str]) -> None:
        """Do what `save` does, in another thread."""
        await asyncio.to_thread(self.save, documents)

    async def asearch(
        self,
        query: list[str],
        limit: int = 5,
        metadata_filter: dict[str, Any] | None = None,
        score_threshold: float = 0.6,
    ) -> list[Any]:
        """Do what `search` does, in another thread."""
        search = functools.partial(self.search, query, limit, metadata_filter, score_threshold)
        return await asyncio.to_thread(search)

    async def areset(self) -> None:
        """Do what `reset` does, in another thread."""
        await asyncio.to_thread(self.reset)

    def __copy__(self) -> KnowledgeStorage:
        """Return the storage itself, so that a copied crew uses the same store."""
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> KnowledgeStorage:
        """Return the storage itself, so that a copied crew uses the same store."""
        return self

    def _add(self, chunks: dict[str, str]) -> None:
        """Write the chunks that are not there."""
        known = self.store.get_many(list(chunks))
        new = [
            {"id": chunk_id, "content": text, "scope": self.scope}
            for (chunk_id, text), record in zip(chunks.items(), known, strict=True)
            if record is None
        ]
        for part in parts(new):
            self.store.add_many(part, on_conflict="skip")


def replace(store: MemoryStore, scope: str, chunks: Iterable[Record]) -> None:
    """Make `scope` hold these chunks and no others, and write only what differs."""
    wanted = {record.id: record for record in chunks}
    found = {record.id: record for record in store.list(limit=None, scope=scope)}
    new = [record for record in wanted.values() if not _same(record, found.get(record.id))]
    for part in parts(new):
        store.put_many(part)
    store.delete(ids=list(found.keys() - wanted.keys()))


def _same(record: Record, found: Record | None) -> bool:
    return found is not None and found.metadata == record.metadata


def parts(writes: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The writes in parts of a thousand, with a progress bar on a terminal if there are several parts."""
    total = len(writes)
    bar = drawn_bar("Saving knowledge", "chunks") if total > _PART else nullcontext(lambda *_: None)
    with bar as draw:
        for start in range(0, total, _PART):
            part = writes[start : start + _PART]
            yield part
            draw(start + len(part), total)
