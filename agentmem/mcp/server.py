"""The server: tools, resources, prompts and instructions over one scope of a store."""

from __future__ import annotations

from collections.abc import Collection

from agentmem import MemoryStore

from .graph_tools import add_graph_tools
from .instructions import instructions
from .memories import Memories
from .memory_tools import add_memory_tools
from .prompts import add_prompts
from .resources import add_graph_resource, add_stats_resource
from .sdk import MCPServer, new_server


def new_memory_server(store: MemoryStore, scope: str, read_only: bool, tools: Collection[str]) -> MCPServer:
    """Build the server; see `agentmem.mcp.create_server`."""
    memories = Memories(store, scope)
    server = new_server("agentmem", instructions(tools, read_only))
    if "graph" in tools:
        add_graph_tools(server, memories.knowledge, read_only)
        add_graph_resource(server, memories)
    if "notes" in tools:
        add_memory_tools(server, memories, read_only)
    add_stats_resource(server, memories)
    add_prompts(server, tools, read_only)
    return server
