"""Knowledge whose sources are ingested once, replaced when they change, and deleted when they are gone.

>>> from agentmem.crewai import knowledge
>>> crew = Crew(agents=[agent], tasks=[task], knowledge=knowledge("crew.db", sources, "handbook"))
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from crewai.knowledge.knowledge import Knowledge
from crewai.knowledge.source.base_knowledge_source import BaseKnowledgeSource

from agentmem import Record
from agentmem._adapters import StoreOrPath, clean, key_id, scope_part

from ._chunks import texts
from .knowledge_storage import KnowledgeStorage, replace


def knowledge(
    store: StoreOrPath = None, sources: Sequence[BaseKnowledgeSource] = (), name: str = "knowledge"
) -> Knowledge:
    """Return the knowledge with this name, for `Crew(knowledge=...)` and `Agent(knowledge=...)`.

    The store then holds the chunks of these sources and no others. Each chunk's metadata has its `source`,
    which is the paths of its files or a digest of its text, and its position in it, `chunk`, from 0. What has
    not changed is not written again.
    """
    made = _Knowledge(name, list(sources), storage=KnowledgeStorage(store, name))
    made.add_sources()
    return made


class _Knowledge(Knowledge):
    """Knowledge that replaces the chunks of each source on its own."""

    def add_sources(self) -> None:
        """Make the collection hold the chunks of the sources as they are now."""
        storage = self.storage
        assert isinstance(storage, KnowledgeStorage)
        scopes = {_scope(storage, source): source for source in self.sources}
        for scope, source in scopes.items():
            replace(storage.store, scope, _wanted(scope, _name(source), _chunks(source)))
            source.storage = storage
        for scope in storage.store.scopes(storage.scope):
            if scope not in scopes:
                storage.store.reset(scope)

    async def aadd_sources(self) -> None:
        """Do what `add_sources` does, in another thread."""
        await asyncio.to_thread(self.add_sources)


class _Chunks:
    """Takes a storage's place while a source adds its chunks."""

    def __init__(self) -> None:
        self.saved: list[str] = []

    def save(self, documents: list[str]) -> None:
        self.saved.extend(documents)


def _chunks(source: BaseKnowledgeSource) -> list[str]:
    """The chunks that a source makes. They stay in the source, as with CrewAI's own storage."""
    taken = _Chunks()
    source.chunks = []
    source.storage = taken
    source.add()
    return texts(taken.saved)


def _wanted(scope: str, name: str, chunks: list[str]) -> Iterator[Record]:
    for n, text in enumerate(chunks):
        chunk_id, metadata = key_id("knowledge", scope, text), {"source": name, "chunk": n}
        yield Record(clean(text), id=chunk_id, scope=scope, metadata=metadata)


def _scope(storage: KnowledgeStorage, source: BaseKnowledgeSource) -> str:
    return f"{storage.scope}/{scope_part(_name(source))}"


def _name(source: Any) -> str:
    """What identifies a source: the paths of its files, or its text."""
    paths = getattr(source, "safe_file_paths", None) or getattr(source, "file_paths", None)
    if paths:
        return "; ".join(str(path) for path in paths)
    content = str(getattr(source, "content", ""))
    return "text " + hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
