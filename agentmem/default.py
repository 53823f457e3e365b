"""The default store of `agentmem.add`, `agentmem.search` and so on. It opens at first use."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from agentmem.store import MemoryStore

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

_lock = threading.Lock()
_store: MemoryStore | None = None


def default_store() -> MemoryStore:
    """Return the store at $AGENTMEM_PATH, else ./agentmem.db, opened if it is not open."""
    global _store
    with _lock:
        if _store is None or _store.closed:
            _store = MemoryStore()
        return _store


def close() -> None:
    """Close the default store, if it is open."""
    with _lock:
        if _store is not None:
            _store.close()


def _on_default(
    method: Callable[Concatenate[MemoryStore, _Args], _Result],
) -> Callable[_Args, _Result]:
    @functools.wraps(method)
    def call(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        return method(default_store(), *args, **kwargs)

    signature = inspect.signature(method)
    parameters = [*signature.parameters.values()][1:]
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call


add = _on_default(MemoryStore.add)
add_many = _on_default(MemoryStore.add_many)
backup = _on_default(MemoryStore.backup)
batch = _on_default(MemoryStore.batch)
categories = _on_default(MemoryStore.categories)
changes = _on_default(MemoryStore.changes)
embed_missing = _on_default(MemoryStore.embed_missing)
explain = _on_default(MemoryStore.explain)
count = _on_default(MemoryStore.count)
delete = _on_default(MemoryStore.delete)
duplicates = _on_default(MemoryStore.duplicates)
export = _on_default(MemoryStore.export)
get = _on_default(MemoryStore.get)
get_many = _on_default(MemoryStore.get_many)
history = _on_default(MemoryStore.history)
import_ = _on_default(MemoryStore.import_)
journal = _on_default(MemoryStore.journal)
journals = _on_default(MemoryStore.journals)
list = _on_default(MemoryStore.list)
purge = _on_default(MemoryStore.purge)
put = _on_default(MemoryStore.put)
put_many = _on_default(MemoryStore.put_many)
rebuild = _on_default(MemoryStore.rebuild)
reset = _on_default(MemoryStore.reset)
scope_info = _on_default(MemoryStore.scope_info)
scopes = _on_default(MemoryStore.scopes)
search = _on_default(MemoryStore.search)
search_many = _on_default(MemoryStore.search_many)
stats = _on_default(MemoryStore.stats)
supersede = _on_default(MemoryStore.supersede)
touch = _on_default(MemoryStore.touch)
update = _on_default(MemoryStore.update)
verify = _on_default(MemoryStore.verify)
