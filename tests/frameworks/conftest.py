from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import place

from agentmem import MemoryStore


@pytest.fixture
def path(tmp_path: Path) -> Path | str:
    """Where a store may be made: in a file, or with --postgres in a database with spaces."""
    return place(tmp_path / "memory.db")


@pytest.fixture
def store(quick: MemoryStore) -> MemoryStore:
    """An empty store, for what does not depend on the kind of index."""
    return quick
