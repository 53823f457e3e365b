"""Put agentmem in the place of CrewAI's own memory: `crew_memory`, `install`, `uninstall`, `installed`.

Two generations of CrewAI are known, told apart by the names that they have and not by their version:

- legacy (<= 1.9.3): `Crew._initialize_default_memories` makes the memories of a crew; it is replaced.
- unified (>= 1.10): `Memory.__init__` is replaced to give each `Memory` that names no storage ours, confined
  to its root scope, and `LocalEmbedder`; CrewAI has no hook that knows either. Its fields are left as they
  were, so that CrewAI can write them down in a checkpoint. Memories that it restores without `__init__` ask
  the storage factory (`set_memory_storage_factory`), where there is one, and get the rest in
  `model_post_init`.
  `Crew.__init__` is replaced to warn about keyword arguments of the legacy generation, which CrewAI ignores.

What is replaced does what it did before for every crew that names its own storage or embedder.
"""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from importlib import metadata as packages
from typing import Any, NamedTuple

import agentmem
from agentmem import AgentMemError, MemoryStore

from ._storage import StoreOrPath, log, scope_part
from .analysis import NoLlm
from .embedder import LocalEmbedder
from .legacy import EntityStorage, ExternalStorage, LegacyStorage, LongTermStorage, ShortTermStorage
from .unified import UnifiedStorage

_LEGACY_STORAGES: dict[str, type[LegacyStorage]] = {
    "short_term": ShortTermStorage,
    "long_term": LongTermStorage,
    "entity": EntityStorage,
    "external": ExternalStorage,
}


def crew_memory(store: StoreOrPath = None, crew: str = "crew", *, llm: Any = None) -> dict[str, Any]:
    """The keyword arguments that give a `Crew` its memory, right for the CrewAI that is installed.

    >>> from agentmem.crewai import crew_memory
    >>> crew = Crew(agents=[analyst], tasks=[task], **crew_memory("crew.db", crew="research"))

    Crews that share a file see each other's memories only if they have the same name here. From 1.10 on
    CrewAI can have an `llm` extract memories from outputs and plan recalls; without one, outputs are kept as
    they are.
    """
    generation = _generation()
    opened = _opened(store)
    if generation == "legacy":
        return {"memory": True} | {
            f"{kind}_memory": _legacy_class(kind)(storage=storage(opened, crew))
            for kind, storage in _LEGACY_STORAGES.items()
        }
    from crewai.memory.unified_memory import Memory

    scope = f"/crew/{scope_part(crew)}"
    options: dict[str, Any] = {"llm": llm}
    if llm is None:
        options = {"llm": NoLlm(), "consolidation_threshold": NoLlm.CONSOLIDATION_THRESHOLD}
    if "root_scope" in getattr(Memory, "model_fields", {}):
        options["root_scope"] = scope
    storage = UnifiedStorage(opened, scope=scope)
    return {"memory": Memory(storage=storage, embedder=LocalEmbedder(), **options)}


def install(store: StoreOrPath = None) -> None:
    """From here on CrewAI's default memory is this store.

    That is `Crew(memory=True)`, and from 1.10 on `Agent(memory=True)`, `Flow` and `Memory()`; no key is
    needed. Crews that name a storage or an embedder keep theirs. Installing again changes the store.
    """
    _generation()
    _switch(_opened(store))


def uninstall() -> None:
    """Restore exactly what was there. Crews and agents that were made before keep their memory."""
    _switch(None)


@contextmanager
def installed(store: StoreOrPath = None) -> Iterator[MemoryStore]:
    """`install` for a while: what was there before, be it another `install`, is restored at the end."""
    _generation()
    with _lock:
        before = _store
        opened = _opened(store)
        _switch(opened)
    try:
        yield opened
    finally:
        _switch(before)


class _Patch(NamedTuple):
    """An attribute that was replaced."""

    owner: type
    name: str
    before: Any  # _MISSING where the owner inherited the attribute
    now: Any


_MISSING = object()
_lock = threading.RLock()
_store: MemoryStore | None = None
_patches: list[_Patch] = []
_factory_before: Any = _MISSING
# Is a `Memory` being made by `__init__`, and not restored?
_made: ContextVar[bool] = ContextVar("agentmem_made", default=False)
# How CrewAI names its own storage.
_DEFAULT = "lancedb"


def _switch(store: MemoryStore | None) -> None:
    global _store
    with _lock:
        if store is not None and _store is None:
            try:
                _put_in()
            except BaseException:
                _take_out()
                raise
        elif store is None and _store is not None:
            _take_out()
        _store = store


def _put_in() -> None:
    from crewai import Crew

    if _generation() == "legacy":
        _replace(Crew, "_initialize_default_memories", _initialize_default_memories)
        return
    from crewai.memory.unified_memory import Memory

    _replace(Memory, "__init__", _memory_init)
    if hasattr(Memory, "model_post_init"):
        _replace(Memory, "model_post_init", _memory_post_init)
    _replace(Crew, "__init__", _crew_init)
    if (factory := _factory_module()) is not None:
        global _factory_before
        _factory_before = factory._factory
        factory.set_memory_storage_factory(_storage_factory)


def _take_out() -> None:
    global _factory_before
    while _patches:
        patch = _patches.pop()
        if vars(patch.owner).get(patch.name) is not patch.now:
            continue  # someone replaced it after us; ours passes everything on from now on
        if patch.before is _MISSING:
            delattr(patch.owner, patch.name)
        else:
            setattr(patch.owner, patch.name, patch.before)
    factory = _factory_module() if _factory_before is not _MISSING else None
    if factory is not None and factory._factory is _storage_factory:
        factory.set_memory_storage_factory(_factory_before)
    _factory_before = _MISSING


def _replace(owner: type, name: str, replacement: Callable[..., Any]) -> None:
    """Replace a method by one that gets the old one as its first argument."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        store = _store
        if store is None:
            return original(self, *args, **kwargs)
        return replacement(functools.partial(original, self), store, self, *args, **kwargs)

    _patches.append(_Patch(owner, name, vars(owner).get(name, _MISSING), method))
    setattr(owner, name, method)


def _initialize_default_memories(original: Callable[[], None], store: MemoryStore, crew: Any) -> None:
    """Legacy `Crew._initialize_default_memories`: long-term memory knows no embedder, the others do."""
    ours = ["long_term"] if crew.embedder else ["long_term", "short_term", "entity"]
    for kind in ours:
        if getattr(crew, f"{kind}_memory") is None:
            memory = _legacy_class(kind)(storage=_LEGACY_STORAGES[kind](store, crew))
            setattr(crew, f"_{kind}_memory", memory)
    if crew.embedder:
        original()


def _memory_init(
    original: Callable[..., None], store: MemoryStore, memory: Any, *args: Any, **kwargs: Any
) -> None:
    """`Memory.__init__`: a memory whose storage is not named gets ours."""
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
    token = _made.set(True)
    try:
        original(*args, **kwargs | ours)
    finally:
        _made.reset(token)
    # It holds what it works with. In its fields CrewAI's defaults stand for that, which can be written down.
    for name in ours:
        if name in getattr(type(memory), "model_fields", {}):
            memory.__dict__[name] = _default(memory, name)


def _memory_post_init(original: Callable[[Any], None], store: MemoryStore, memory: Any, context: Any) -> None:
    """`Memory.model_post_init`: a memory that is restored, and whose storage was not named, gets ours."""
    original(context)
    if _made.get() or memory.storage != _DEFAULT:
        return
    if _factory_module() is not None and getattr(memory._storage, "store", None) is not store:
        return  # a factory of the user's made it
    memory._storage = UnifiedStorage(store, scope=getattr(memory, "root_scope", None) or "/")
    if memory.embedder is None:
        memory._embedder_instance = LocalEmbedder()
    # CrewAI dumps an LLM as a dict, and cannot make one of it again.
    if isinstance(memory.llm, dict) or (memory.llm == _default(memory, "llm") and not _has_key()):
        memory._llm_instance = NoLlm()
        memory.consolidation_threshold = NoLlm.CONSOLIDATION_THRESHOLD
        memory._config.consolidation_threshold = NoLlm.CONSOLIDATION_THRESHOLD


def _default(memory: Any, field: str) -> Any:
    return type(memory).model_fields[field].get_default(call_default_factory=True)


def _has_key() -> bool:
    """Can CrewAI's default LLM be asked?"""
    return "OPENAI_API_KEY" in os.environ


def _crew_init(
    original: Callable[..., None], store: MemoryStore, crew: Any, *args: Any, **kwargs: Any
) -> None:
    """`Crew.__init__`: what the legacy generation knew is ignored by CrewAI, so say so."""
    ignored = [name for kind in _LEGACY_STORAGES if kwargs.get(name := f"{kind}_memory") is not None]
    if ignored:
        message = (
            f"crewai {packages.version('crewai')} ignores {', '.join(ignored)}; "
            "with agentmem.crewai.install(path), Crew(memory=True) is enough"
        )
        log.warning(message)
        warnings.warn(message, stacklevel=4)
    original(*args, **kwargs)


def _storage_factory(spec: str) -> Any:
    """CrewAI's storage factory: for memories that are not made by `Memory.__init__` but restored."""
    before = _factory_before
    theirs = before(spec) if callable(before) else None
    if theirs is not None or _store is None or _made.get() or spec != _DEFAULT:
        return theirs
    return UnifiedStorage(_store)


def _their_storage(spec: str) -> Any:
    """The storage of a factory that the user registered, before or after `install`."""
    module = _factory_module()
    if module is None:
        return None
    factory = _factory_before if module._factory is _storage_factory else module._factory
    return factory(spec) if callable(factory) else None


def _opened(store: StoreOrPath) -> MemoryStore:
    return store if isinstance(store, MemoryStore) else agentmem.open(store)


def _generation() -> str:
    """Which CrewAI is installed, "legacy" or "unified".

    Raises ImportError without CrewAI, and AgentMemError for one that agentmem does not know.
    """
    try:
        from crewai import Crew
    except ImportError as error:
        raise ImportError("crewai cannot be imported; pip install crewai, then try again") from error
    if callable(getattr(Crew, "_initialize_default_memories", None)) and _exists("crewai.memory.short_term"):
        return "legacy"
    if _exists("crewai.memory.unified_memory") and _exists("crewai.memory.storage.backend"):
        return "unified"
    raise AgentMemError(
        f"crewai {packages.version('crewai')} has neither the memory of crewai <= 1.9.3 nor that of >= 1.10; "
        "nothing was changed. See whether a newer agentmem knows it"
    )


def _exists(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


@functools.cache
def _legacy_class(kind: str) -> Any:
    """CrewAI's `ShortTermMemory` for "short_term", and so on, made so that `Crew.copy` works after a run.

    It deep-copies each memory, and with it the agent that used it last, which CrewAI fails on; and it dumps
    external memory with the crew that it knows, which is a circle.
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
    return (
        import_module("crewai.memory.storage.factory") if _exists("crewai.memory.storage.factory") else None
    )
