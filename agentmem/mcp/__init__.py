"""An MCP server: a memory for Claude, Cursor, VS Code and other clients. The command `agentmem mcp` runs it.

It has the tools of the reference memory server, `@modelcontextprotocol/server-memory`, and five plain ones.

>>> import agentmem
>>> from agentmem.mcp import create_server
>>> server = create_server(agentmem.open("memory.db"), scope="/user/alice")
>>> server.name
'agentmem'
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from agentmem import InvalidFilterError, MemoryStore

from .importer import import_memory_file
from .memory_file import export_memory_file

__all__ = ["TOOLS", "create_server", "export_memory_file", "import_memory_file"]

TOOLS = ("graph", "notes")
"""The families of tools: the knowledge graph of the reference server, and plain memories."""


def create_server(
    store: MemoryStore, *, scope: str = "/", read_only: bool = False, tools: Collection[str] = TOOLS
) -> Any:
    """Return an MCP server over a scope of a store: an `MCPServer` of the SDK, a `FastMCP` before 2.0.

    Clients reach nothing outside the scope, and see scopes as if it were the root. With `read_only`, there
    are only tools that read. Raises InvalidFilterError for families of tools that do not exist, and
    InvalidRecordError for a scope that no record can have.
    """
    if unknown := sorted(set(tools) - set(TOOLS)):
        raise InvalidFilterError(f"invalid filter: tools are graph and notes, not {unknown[0]!r}")
    from .server import new_memory_server

    return new_memory_server(store, scope, read_only, tools)
