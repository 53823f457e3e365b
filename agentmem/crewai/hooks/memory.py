"""The memory of crews, agents and flows.

There are two generations of CrewAI, see `generation`:

- legacy (<= 1.9.3): `Crew._initialize_default_memories`, which makes the memories of a crew, is replaced.
- unified (>= 1.10): `Memory.__init__` is replaced. A `Memory` without a storage gets a `UnifiedStorage`,
  confined to its root scope, and a `LocalEmbedder`; no hook of CrewAI knows the scope or the embedder. The
  fields of the `Memory` keep CrewAI's values, so that CrewAI can write them into a checkpoint. A `Memory`
  that is restored from a checkpoint does not call `__init__`: it gets its storage from the storage factory
  (`set_memory_storage_factory`), if CrewAI has one, and everything else in `model_post_init`.
  `Crew.__init__` is replaced to warn about legacy keyword arguments, which CrewAI ignores.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from importlib import import_module
from importlib import metadata as packages
from typing import Any

from agentmem import MemoryStore

from .._storage import log
from ..analysis import NoLlm
from ..embedder import LocalEmbedder
from ..generation import generation, module
from ..legacy import EntityStorage, ExternalStorage, LegacyStorage, LongTermStorage, ShortTermStorage
from ..unified import UnifiedStorage
from . import patches

LEGACY_STORAGES: dict[str, type[LegacyStorage]] = {
    "short_term": ShortTermStorage,
    "long_term": LongTermStorage,
    "entity": EntityStorage,
    "external": ExternalStorage,
}
# CrewAI's name for its own storage.
_DEFAULT = "lancedb"
# Whether `Memory.__init__` is running. It does not run when a memory is restored.
_in_init: ContextVar[bool] = ContextVar("agentmem_in_init", default=False)


def patch() -> None:
    """Replace what makes memories."""
    from crewai import Crew

    if generation() == "legacy":
        patches.replace_method(Crew, "_initialize_default_memories", _initialize_default_memories)
        return
    from crewai.memory.unified_memory import Memory

    patches.replace_method(Memory, "__init__", _memory_init)
    if hasattr(Memory, "model_post_init"):
        patches.replace_method(Memory, "model_post_init", _memory_post_init)
    patches.replace_method(Crew, "__init__", _crew_init)
    if (factory := _factory_module()) is not None:
        patches.replace(factory, "_factory", _storage_factory)


def _initialize_default_memories(original: Callable[[], None], store: MemoryStore, crew: Any) -> None:
    """Legacy `Crew._initialize_default_memories`. A crew with an embedder gets only our long-term memory."""
    ours = ["long_term"] if crew.embedder else ["long_term", "short_term", "entity"]
    for kind in ours:
        if getattr(crew, f"{kind}_memory") is None:
            memory = legacy_class(kind)(storage=LEGACY_STORAGES[kind](store, crew))
            setattr(crew, f"_{kind}_memory", memory)
    if crew.embedder:
        original()


def _memory_init(
    original: Callable[..., None], store: MemoryStore, memory: Any, *args: Any, **kwargs: Any
) -> None:
    """`Memory.__init__`: a memory without a storage gets ours."""
    named = bool(args) or "storage" in kwargs
    theirs = None if named else _their_storage(_DEFAULT)
    ours: dict[str, Any] = {}
    if theirs is not None:
        kwargs["storage"] = theirs
    elif not named:
        ours["storage"] = UnifiedStorage(store, scope=kwargs.get("root_scope") or "/")
        if kwargs.get("embedder") is None:
            ours["embedder"] = LocalEmbedder()
        if "llm" not in kwargs and not _has_key():
            kwargs.setdefault("consolidation_threshold", NoLlm.CONSOLIDATION_THRESHOLD)
            ours["llm"] = NoLlm()
    token = _in_init.set(True)
    try:
        original(*args, **kwargs | ours)
    finally:
        _in_init.reset(token)
    show_defaults(memory, ours)


def _memory_post_init(original: Callable[[Any], None], store: MemoryStore, memory: Any, context: Any) -> None:
    """`Memory.model_post_init`: a restored memory without a storage of its own gets ours."""
    original(context)
    if _in_init.get() or memory.storage != _DEFAULT:
        return
    if _factory_module() is not None and getattr(memory._storage, "store", None) is not store:
        return  # the user's factory made the storage
    memory._storage = UnifiedStorage(store, scope=getattr(memory, "root_scope", None) or "/")
    if memory.embedder is None:
        memory._embedder_instance = LocalEmbedder()
    # CrewAI dumps an LLM as a dict, and cannot restore it.
    if isinstance(memory.llm, dict) or (memory.llm == _default(memory, "llm") and not _has_key()):
        memory._llm_instance = NoLlm()
        memory.consolidation_threshold = NoLlm.CONSOLIDATION_THRESHOLD
        memory._config.consolidation_threshold = NoLlm.CONSOLIDATION_THRESHOLD


def show_defaults(memory: Any, fields: Iterable[str]) -> None:
    """Let a `Memory` work with our objects while its fields have CrewAI's defaults, as a checkpoint needs."""
    for name in fields:
        if name in getattr(type(memory), "model_fields", {}):
            memory.__dict__[name] = _default(memory, name)


def _default(memory: Any, field: str) -> Any:
    return type(memory).model_fields[field].get_default(call_default_factory=True)


def _has_key() -> bool:
    """Whether CrewAI's default LLM has a key."""
    return "OPENAI_API_KEY" in os.environ


def _crew_init(
    original: Callable[..., None], store: MemoryStore, crew: Any, *args: Any, **kwargs: Any
) -> None:
    """`Crew.__init__`: warn about legacy arguments, which CrewAI ignores."""
    ignored = [name for kind in LEGACY_STORAGES if kwargs.get(name := f"{kind}_memory") is not None]
    if ignored:
        message = (
            f"crewai {packages.version('crewai')} ignores {', '.join(ignored)}; "
            "with agentmem.crewai.install(path), Crew(memory=True) is enough"
        )
        log.warning(message)
        warnings.warn(message, stacklevel=4)
    original(*args, **kwargs)


def _storage_factory(spec: str) -> Any:
    """The storage factory, for memories that are restored."""
    theirs = _their_storage(spec)
    store = patches.installed_store()
    if theirs is not None or store is None or _in_init.get() or spec != _DEFAULT:
        return theirs
    return UnifiedStorage(store)


def _their_storage(spec: str) -> Any:
    """The storage that the user's own factory makes, registered before or after `install`."""
    factory = _factory_module()
    theirs = None if factory is None else patches.original(factory, "_factory")
    return theirs(spec) if callable(theirs) else None


@functools.cache
def legacy_class(kind: str) -> Any:
    """A subclass of CrewAI's `ShortTermMemory` for "short_term", and so on, that `Crew.copy` can copy.

    `Crew.copy` deep-copies each memory and so the agent that used it last, which fails. It also dumps
    external memory together with its crew, which is circular. The subclass copies only the storage, and
    keeps no crew.
    """
    name = "".join(word.title() for word in kind.split("_")) + "Memory"
    memory = getattr(import_module(f"crewai.memory.{kind}.{kind}_memory"), name)
    methods = {
        "__deepcopy__": lambda self, memo=None: type(self)(storage=self.storage),
        "set_crew": lambda self, crew: self,
        "__module__": __name__,
    }
    return type(name, (memory,), methods)


def _factory_module() -> Any:
    return module("crewai.memory.storage.factory")
