"""Resources, which a user may attach to a conversation: the knowledge graph, and what the memory holds."""

from __future__ import annotations

import json
from typing import Any

import anyio.to_thread

from .memories import Memories
from .sdk import MCPServer


def add_graph_resource(server: MCPServer, memories: Memories) -> None:
    """Offer the whole graph."""

    async def knowledge_graph() -> str:
        return _json((await anyio.to_thread.run_sync(memories.knowledge.read)).to_dict())

    server.resource(
        "memory://knowledge-graph",
        name="knowledge-graph",
        title="Knowledge Graph",
        description="The full knowledge graph with all entities and relations",
        mime_type="application/json",
    )(knowledge_graph)


def add_stats_resource(server: MCPServer, memories: Memories) -> None:
    """Offer the numbers of `memory_stats`."""

    async def stats() -> str:
        return _json(await anyio.to_thread.run_sync(memories.stats))

    server.resource(
        "memory://stats",
        name="stats",
        title="Memory Stats",
        description="How many memories there are, with their scopes and categories",
        mime_type="application/json",
    )(stats)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
