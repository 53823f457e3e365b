"""How many records the inspector shows, and how many it hides."""

from __future__ import annotations

from dataclasses import dataclass

from agentmem import MemoryStore
from agentmem.types import Viewer


@dataclass(frozen=True)
class Counts:
    """Of one viewer."""

    shown: int
    hidden: int
    """Private records of others."""

    @classmethod
    def of(cls, store: MemoryStore, viewer: Viewer) -> Counts:
        """Count."""
        shown = store.count(**viewer)
        return cls(shown, store.count(include_private=True) - shown)
