"""Replace CrewAI's own memory with agentmem: `crew_memory`, `install`, `uninstall`, `installed`.

There are two generations of CrewAI. They are recognized by the names that they define, not by their version:

- legacy (<= 1.9.3): `Crew._initialize_default_memories`, which makes the memories of a crew, is replaced.
- unified (>= 1.10): `Memory.__init__` is replaced. A `Memory` without a storage gets a `UnifiedStorage`,
  confined to its root scope, and a `LocalEmbedder`; no hook of CrewAI knows the scope or the embedder. The
  fields of the `Memory` keep CrewAI's values, so that CrewAI can write them into a checkpoint. A `Memory`
  that is restored from a checkpoint does not call `__init__`: it gets its storage from the storage factory
  (`set_memory_storage_factory`), if CrewAI has one, and everything else in `model_post_init`.
  `Crew.__init__` is replaced to warn about legacy keyword arguments, which CrewAI ignores.

For a crew that names its own storage or embedder, the replaced methods do what they did before.
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
from agentmem._adapters import StoreOrPath, scope_part

from ._storage import log
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
    """Return the keyword arguments that give a `Crew` its memory, for the CrewAI that is installed.

    >>> from agentmem.crewai import crew_memory
    >>> crew = Crew(agents=[analyst], tasks=[task], **crew_memory("crew.db", crew="research"))

    Crews that share a file see each other's memories only if they have the same name here. From 1.10 on,
    CrewAI can use an `llm` to extract memories from outputs and to plan recalls. Without one, outputs are
    stored as they are.
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
    """Make this store CrewAI's default memory.

    It serves `Crew(memory=True)`, and from 1.10 on `Agent(memory=True)`, `Flow` and `Memory()`. No key is
    needed. Crews that name a storage or an embedder keep theirs. Installing again changes the store.
    """
    _generation()
    _switch(_opened(store))


def uninstall() -> None:
    """Restore CrewAI's own memory. Crews and agents that exist already keep theirs."""
    _switch(None)


@contextmanager
def installed(store: StoreOrPath = None) -> Iterator[MemoryStore]:
    """Install for a `with` block; at its end, restore what was there before, also another `install`."""
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
# Whether `Memory.__init__` is running. It does not run when a memory is restored.
_in_init: ContextVar[bool] = ContextVar("agentmem_in_init", default=False)
# CrewAI's name for its own storage.
_DEFAULT = "lancedb"


def _switch(store: MemoryStore | None) -> None:
    global _store
    with _lock:
        if store is not None and _store is None:
            try:
                _patch_crewai()
            except BaseException:
                _unpatch_crewai()
                raise
        elif store is None and _store is not None:
            _unpatch_crewai()
        _store = store


def _patch_crewai() -> None:
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


def _unpatch_crewai() -> None:
    global _factory_before
    while _patches:
        patch = _patches.pop()
        if vars(patch.owner).get(patch.name) is not patch.now:
            continue  # someone replaced our replacement, which now only calls the original
        if patch.before is _MISSING:
            delattr(patch.owner, patch.name)
        else:
            setattr(patch.owner, patch.name, patch.before)
    factory = _factory_module() if _factory_before is not _MISSING else None
    if factory is not None and factory._factory is _storage_factory:
        factory.set_memory_storage_factory(_factory_before)
    _factory_before = _MISSING


def _replace(owner: type, name: str, replacement: Callable[..., Any]) -> None:
    """Replace a method with a function that gets the original as its first argument."""
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
    """Legacy `Crew._initialize_default_memories`. A crew with an embedder gets only our long-term memory."""
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
    # The memory works with our objects. Its fields get CrewAI's defaults, which a checkpoint can hold.
    for name in ours:
        if name in getattr(type(memory), "model_fields", {}):
            memory.__dict__[name] = _default(memory, name)


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


def _default(memory: Any, field: str) -> Any:
    return type(memory).model_fields[field].get_default(call_default_factory=True)


def _has_key() -> bool:
    """Whether CrewAI's default LLM has a key."""
    return "OPENAI_API_KEY" in os.environ


def _crew_init(
    original: Callable[..., None], store: MemoryStore, crew: Any, *args: Any, **kwargs: Any
) -> None:
    """`Crew.__init__`: warn about legacy arguments, which CrewAI ignores."""
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
    """The storage factory, for memories that are restored."""
    before = _factory_before
    theirs = before(spec) if callable(before) else None
    if theirs is not None or _store is None or _in_init.get() or spec != _DEFAULT:
        return theirs
    return UnifiedStorage(_store)


def _their_storage(spec: str) -> Any:
    """The storage that the user's own factory makes, registered before or after `install`."""
    module = _factory_module()
    if module is None:
        return None
    factory = _factory_before if module._factory is _storage_factory else module._factory
    return factory(spec) if callable(factory) else None


def _opened(store: StoreOrPath) -> MemoryStore:
    return store if isinstance(store, MemoryStore) else agentmem.open(store)


def _generation() -> str:
    """The generation of the installed CrewAI, "legacy" or "unified".

    Raises ImportError without CrewAI, and AgentMemError for a generation that agentmem does not know.
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
        "nothing was changed. Try a newer agentmem"
    )


def _exists(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


@functools.cache
def _legacy_class(kind: str) -> Any:
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
    return (
        import_module("crewai.memory.storage.factory") if _exists("crewai.memory.storage.factory") else None
    )
