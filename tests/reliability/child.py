"""What a child process does, where one that was not forked can import it."""

from __future__ import annotations

import agentmem


def added_by_child(store: agentmem.MemoryStore, name: str) -> None:
    """A child's work, and that it finds it."""
    store.add(f"this is {name}", id=name)
    assert store.search(name, 1)[0].record.id == name
