"""What the parts of MemoryStore share."""

from __future__ import annotations

from agentmem import _core
from agentmem._embedding import StoreEmbedder


class StorePart:
    """Methods of MemoryStore that are about one thing. MemoryStore opens the store that they use."""

    _store: _core.Store
    _embedder: StoreEmbedder | None
