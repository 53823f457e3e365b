"""What a child does with a store that it was handed; here, so that every way of starting it can import it."""

from __future__ import annotations

import agentmem


def adds_and_finds(store: agentmem.MemoryStore, name: str) -> None:
    """Add a record of its own, and find it."""
    store.add(f"this is {name}", id=name)
    assert store.search(name, 1)[0].record.id == name
