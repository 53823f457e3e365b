"""Results of tools that later runs of a crew use again, until they expire.

>>> from agentmem.crewai import cache
>>> handler = cache(crew, "crew.db", ttl=3600, tools=["search"])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from crewai.agents.cache.cache_handler import CacheHandler

from agentmem import Journal
from agentmem._adapters import Adapter, StoreOrPath, key_id

from ._storage import log
from ._values import UnsupportedValueError, decode, encode

_JOURNAL = "tool-cache"
_HOUR = timedelta(hours=1)

Ttl = float | timedelta
Tools = Iterable[str] | Mapping[str, Ttl] | None


class AgentMemCacheHandler(CacheHandler):
    """CrewAI's cache of tool results, persistent and with an expiry.

    `tools` names the tools whose results are kept, as a list or as a dict of times to live; `None` means all.
    Results of other tools, and results that would not come back equal, stay in memory as they do in CrewAI.
    No method raises: an error is logged, and the tool runs.
    """

    def __init__(self, store: StoreOrPath = None, *, ttl: Ttl = _HOUR, tools: Tools = None) -> None:
        """Open the store. `ttl` is how long a result is used, in seconds or as a timedelta, above 0."""
        super().__init__()
        ttls = (
            dict(tools)
            if isinstance(tools, Mapping)
            else None
            if tools is None
            else dict.fromkeys(tools, ttl)
        )
        for value in [ttl, *(ttls or {}).values()]:
            _check(value)
        for name, value in {"_adapter": Adapter(store), "_ttl": ttl, "_ttls": ttls}.items():
            object.__setattr__(self, name, value)

    def add(self, tool: str, input: str, output: Any) -> None:
        """Keep a result. `None` and failures are not kept."""
        ttl = self._ttl_of(tool)
        if ttl is None or not self._put(tool, input, output, ttl):
            super().add(tool, input, output)

    def read(self, tool: str, input: str) -> Any | None:
        """Return the result of the tool for this input, or None."""
        if self._ttl_of(tool) is not None:
            try:
                found = self._journal().get(_key(tool, input))
                if found is not None:
                    return decode(found["output"])
            except Exception as error:  # CrewAI 1.9.3 ends the run if a cache raises
                log.exception("the cached result of %s cannot be read: %s", tool, error)
        return super().read(tool, input)

    def clear(self, tool: str | None = None) -> int:
        """Delete the kept results of one tool, or of all. Returns how many were deleted."""
        journal = self._journal()
        if tool is None:
            return journal.clear()
        return journal.delete(journal.keys(_prefix(tool)))

    def close(self) -> None:
        """Close the store if this object opened it. It opens again when it is used."""
        self._adapter.close()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> AgentMemCacheHandler:
        """Return the object itself, so that a copied crew uses the same store."""
        return self

    def _put(self, tool: str, input: str, output: Any, ttl: Ttl) -> bool:
        """Keep a result in the store. Returns False if it belongs in memory."""
        if output is None or type(output).__name__ == "ToolFailure":
            return False
        try:
            encoded = encode(output)
            if decode(encoded) != output:
                return False
            self._journal().put(_key(tool, input), {"tool": tool, "output": encoded}, ttl=ttl)
        except UnsupportedValueError:
            return False
        except Exception as error:  # CrewAI 1.9.3 runs the tool again if a cache raises
            log.exception("the result of %s cannot be cached: %s", tool, error)
            return False
        return True

    def _ttl_of(self, tool: str) -> Ttl | None:
        ttls: dict[str, Ttl] | None = self._ttls
        ttl: Ttl = self._ttl
        return ttl if ttls is None else ttls.get(tool)

    def _journal(self) -> Journal:
        adapter: Adapter = self._adapter
        return adapter.store.journal(_JOURNAL)


def cache(
    crew: Any, store: StoreOrPath = None, ttl: Ttl = _HOUR, tools: Tools = None
) -> AgentMemCacheHandler:
    """Give a crew and its agents a persistent cache of tool results. Returns the cache.

    Agents with `cache=False` do not use it. A copy of the crew has a cache of its own.
    """
    handler = AgentMemCacheHandler(store, ttl=ttl, tools=tools)
    crew._cache_handler = handler
    for agent in [*crew.agents, *(task.agent for task in crew.tasks if task.agent is not None)]:
        agent.set_cache_handler(handler)
    return handler


def _check(ttl: Ttl) -> None:
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if not 0 < seconds < float("inf"):
        raise ValueError(f"the time to live is {ttl}; it must be more than 0 and finite")


def _key(tool: str, input: str) -> str:
    return _prefix(tool) + key_id(input)


def _prefix(tool: str) -> str:
    return key_id(tool) + "/"
