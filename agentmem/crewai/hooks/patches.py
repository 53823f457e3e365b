"""Attributes of CrewAI that are replaced while agentmem is installed, and the store that is installed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from agentmem import MemoryStore


class _Patch(NamedTuple):
    """An attribute that was replaced."""

    owner: Any
    name: str
    before: Any  # _MISSING where the owner inherited the attribute
    now: Any


_MISSING = object()
lock = threading.RLock()
_store: MemoryStore | None = None
_patches: list[_Patch] = []


def installed_store() -> MemoryStore | None:
    """The store that is installed, or None."""
    return _store


def switch(store: MemoryStore | None, apply: Iterable[Callable[[], None]]) -> None:
    """Install a store, or none. `apply` are the functions that replace attributes of CrewAI."""
    global _store
    with lock:
        if store is not None and _store is None:
            try:
                for patch in apply:
                    patch()
            except BaseException:
                _restore()
                raise
        elif store is None:
            _restore()
        _store = store


def replace_method(owner: type, name: str, replacement: Callable[..., Any]) -> None:
    """Replace a method with a function that gets the original, bound, and the store as first arguments."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        store = _store
        if store is None:
            return original(self, *args, **kwargs)
        return replacement(functools.partial(original, self), store, self, *args, **kwargs)

    replace(owner, name, method)


def replace(owner: Any, name: str, now: Any) -> None:
    """Replace an attribute of a class or a module."""
    _patches.append(_Patch(owner, name, vars(owner).get(name, _MISSING), now))
    setattr(owner, name, now)


def original(owner: Any, name: str) -> Any:
    """What an attribute is or was before it was replaced, even if the user replaced it since."""
    now = getattr(owner, name)
    return next((patch.before for patch in _patches if patch.owner is owner and patch.now is now), now)


def _restore() -> None:
    while _patches:
        patch = _patches.pop()
        if vars(patch.owner).get(patch.name) is not patch.now:
            continue  # someone replaced our replacement, which now only calls the original
        if patch.before is _MISSING:
            delattr(patch.owner, patch.name)
        else:
            setattr(patch.owner, patch.name, patch.before)
