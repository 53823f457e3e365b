"""The states of flows that name no persistence of their own.

From 1.14.7 on, CrewAI asks a factory; before, it takes globals of two modules. `@persist` asks when a flow
is defined, so flows that were defined before keep CrewAI's own persistence: a warning names them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from .._storage import log
from ..generation import module
from . import patches


def patch() -> None:
    """Replace what makes persistences."""
    _warn_of_earlier_flows()
    factory = module("crewai.flow.persistence.factory")
    if factory is not None:
        patches.replace(factory, "_factory", _factory(factory._factory))
        return
    for name in ("crewai.flow.persistence", "crewai.flow.persistence.decorators"):
        owner = import_module(name)
        patches.replace(owner, "SQLiteFlowPersistence", _factory(owner.SQLiteFlowPersistence))


def _factory(theirs: Callable[..., Any] | None) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        from ..flows import AgentMemFlowPersistence

        store = patches.installed_store()
        if store is None or args or kwargs:
            return _default() if theirs is None else theirs(*args, **kwargs)
        return AgentMemFlowPersistence(store)

    return make


def _default() -> Any:
    from crewai.flow.persistence.sqlite import SQLiteFlowPersistence

    return SQLiteFlowPersistence()


def _warn_of_earlier_flows() -> None:
    flow = import_module("crewai.flow.flow").Flow
    sqlite = import_module("crewai.flow.persistence.sqlite").SQLiteFlowPersistence
    earlier = [
        kind.__qualname__
        for kind in _subclasses(flow)
        if any(isinstance(persistence, sqlite) for persistence in _persistences(kind))
    ]
    if earlier:
        message = (
            f"the flows {', '.join(sorted(earlier))} were defined before agentmem.crewai.install() and keep "
            "CrewAI's own persistence; call install() before their modules are imported"
        )
        log.warning(message)
        warnings.warn(message, stacklevel=5)


def _persistences(kind: type) -> Iterator[Any]:
    """The persistences with which a flow or its methods were decorated."""
    for value in vars(kind).values():
        yield getattr(value, "persistence", None)  # the class's __flow_persistence_config__, from 1.14 on
        for function in (value, getattr(value, "_meth", None)):
            for cell in getattr(function, "__closure__", None) or ():
                yield cell.cell_contents


def _subclasses(kind: Any) -> Iterator[Any]:
    for subclass in type.__subclasses__(kind):
        yield subclass
        yield from _subclasses(subclass)
