"""The knowledge of crews and agents that name sources: `Crew(knowledge_sources=[...])`.

From 1.14.7 on, CrewAI asks a factory for the storage; before, it takes a global of a module. A storage that
the user's own factory makes is used, and so is a class that the user put in the place of CrewAI's. CrewAI's
own is used if an embedder is configured.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..generation import module
from . import patches


def patch() -> None:
    """Replace what makes storages of knowledge."""
    factory = module("crewai.knowledge.storage.factory")
    knowledge = import_module("crewai.knowledge.knowledge")
    if factory is not None:
        patches.replace(factory, "_factory", _factory(factory._factory, knowledge))
        return
    patches.replace(knowledge, "KnowledgeStorage", _storage_class(knowledge.KnowledgeStorage))


def _factory(theirs: Callable[..., Any] | None, knowledge: Any) -> Callable[..., Any]:
    default = knowledge.KnowledgeStorage

    def make(embedder: Any, collection_name: str | None) -> Any:
        storage = theirs(embedder, collection_name) if theirs is not None else None
        if storage is not None or knowledge.KnowledgeStorage is not default:
            return storage
        return _ours(embedder, collection_name)

    return make


def _storage_class(theirs: Callable[..., Any]) -> Callable[..., Any]:
    def make(embedder: Any = None, collection_name: str | None = None) -> Any:
        ours = _ours(embedder, collection_name)
        return ours if ours is not None else theirs(embedder=embedder, collection_name=collection_name)

    return make


def _ours(embedder: Any, collection_name: str | None) -> Any:
    """A storage of our own. It sees only what is saved through it: CrewAI gives all crews one name."""
    from ..knowledge_storage import KnowledgeStorage

    store = patches.installed_store()
    if store is None or embedder is not None:
        return None
    return KnowledgeStorage(store, collection_name or "knowledge", own=True)
