"""The inspector: a web page on this machine that shows what a store holds, and why a search finds it.

`agentmem inspect` serves it. `agentmem.inspect.app(store)` is the same as an ASGI application, to be mounted
in another one, behind its login:

    application.mount("/memory", agentmem.inspect.app(store, guard=False))

It needs `pip install 'agentmem-db[inspect]'`. It uses the public interface of agentmem alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from agentmem import MemoryStore
from agentmem._adapters import require
from agentmem.types import Viewer

if TYPE_CHECKING:
    from agentmem.inspect.inspector import Inspector

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine."""


def app(
    store: MemoryStore,
    *,
    source: str | None = None,
    include_private: bool = False,
    read_only: bool = False,
    guard: bool = True,
    hosts: Collection[str] = LOOPBACK,
) -> Inspector:
    """Return the inspector of a store, an ASGI application. It does not close the store.

    Args:
        store: what it shows.
        source: show the private records of this source, too.
        include_private: show all private records.
        read_only: refuse everything that writes.
        guard: admit only the browser that has opened `Inspector.address`, which holds a token and works once.
            False is for an application that has its own login, and that checks the header Host.
        hosts: the values of the header Host that the guard accepts, with or without a port.
    """
    require_extra()
    from agentmem.inspect.inspector import Inspector

    viewer: Viewer = {"source": source, "include_private": include_private}
    return Inspector(store, viewer, read_only=read_only, hosts=hosts if guard else None)


def require_extra() -> None:
    """Raise ImportError, with how to install it, unless there is what the inspector needs."""
    require("starlette", extra="inspect", package="starlette", at_least="0.40", below="2")
    require("jinja2", extra="inspect", package="jinja2", at_least="3.1", below="4")
