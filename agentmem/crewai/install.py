"""Make agentmem what CrewAI keeps things in: `crew_memory`, `install`, `uninstall`, `installed`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import agentmem
from agentmem import MemoryStore
from agentmem._adapters import StoreOrPath, scope_part

from .analysis import NoLlm
from .embedder import LocalEmbedder
from .generation import generation
from .hooks import flows, knowledge, memory, patches, replay
from .hooks.memory import LEGACY_STORAGES, legacy_class, show_defaults
from .unified import UnifiedStorage

_PATCHES = (memory.patch, knowledge.patch, flows.patch, replay.patch)


def crew_memory(store: StoreOrPath = None, crew: str = "crew", *, llm: Any = None) -> dict[str, Any]:
    """Return the keyword arguments that give a `Crew` its memory, for the CrewAI that is installed.

    >>> from agentmem.crewai import crew_memory
    >>> crew = Crew(agents=[analyst], tasks=[task], **crew_memory("crew.db", crew="research"))

    Crews that share a file see each other's memories only if they have the same name here. From 1.10 on,
    CrewAI can use an `llm` to extract memories from outputs and to plan recalls. Without one, outputs are
    stored as they are.
    """
    opened = _opened(store)
    if generation() == "legacy":
        return {"memory": True} | {
            f"{kind}_memory": legacy_class(kind)(storage=storage(opened, crew))
            for kind, storage in LEGACY_STORAGES.items()
        }
    from crewai.memory.unified_memory import Memory

    scope = f"/crew/{scope_part(crew)}"
    ours: dict[str, Any] = {"storage": UnifiedStorage(opened, scope=scope), "embedder": LocalEmbedder()}
    options: dict[str, Any] = {"llm": llm}
    if llm is None:
        ours["llm"] = NoLlm()
        options = {"consolidation_threshold": NoLlm.CONSOLIDATION_THRESHOLD}
    if "root_scope" in getattr(Memory, "model_fields", {}):
        options["root_scope"] = scope
    memory = Memory(**ours, **options)
    show_defaults(memory, ours)
    return {"memory": memory}


def install(store: StoreOrPath = None) -> None:
    """Make this store where CrewAI keeps memories, knowledge and the states of flows. No key is needed.

    It serves `Crew(memory=True)`, and from 1.10 on `Agent(memory=True)`, `Flow` and `Memory()`;
    `knowledge_sources=` of crews and agents; `@persist()` on flows that are defined from here on; and
    `crew.replay(task_id)`, for every run of every crew. What the user names (a storage, an embedder, a
    persistence) is kept. Installing again changes the store.
    """
    generation()
    patches.switch(_opened(store), _PATCHES)


def uninstall() -> None:
    """Restore CrewAI's own storages. Crews, agents and flows that exist already keep theirs."""
    patches.switch(None, _PATCHES)


@contextmanager
def installed(store: StoreOrPath = None) -> Iterator[MemoryStore]:
    """Install for a `with` block; at its end, restore what was there before, also another `install`."""
    generation()
    with patches.lock:
        before = patches.installed_store()
        opened = _opened(store)
        patches.switch(opened, _PATCHES)
    try:
        yield opened
    finally:
        patches.switch(before, _PATCHES)


def _opened(store: StoreOrPath) -> MemoryStore:
    return store if isinstance(store, MemoryStore) else agentmem.open(store)
