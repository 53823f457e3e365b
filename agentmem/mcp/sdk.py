"""The MCP SDK. From 2.0 on it has MCPServer, before that FastMCP; other modules see no difference."""

from __future__ import annotations

from typing import Any

import agentmem
from agentmem._adapters import require

require("mcp", extra="mcp", package="mcp", at_least="1.23", below="3")

from mcp.types import CallToolResult, TextContent, ToolAnnotations  # noqa: E402

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    _SINCE_2 = True
except ImportError:
    from mcp.server.fastmcp import FastMCP as MCPServer
    from mcp.server.fastmcp.exceptions import ToolError

    _SINCE_2 = False

__all__ = [
    "CallToolResult",
    "MCPServer",
    "TextContent",
    "ToolAnnotations",
    "ToolError",
    "http_app",
    "new_server",
]

# Over HTTP, nothing is kept between requests: a client survives a restart of the server.
_HTTP = {"stateless_http": True, "json_response": True}


def new_server(name: str, instructions: str) -> MCPServer:
    """A server without tools, which logs warnings only."""
    options: dict[str, Any] = {"version": agentmem.__version__} if _SINCE_2 else _HTTP
    return MCPServer(name, instructions=instructions, log_level="WARNING", **options)


def http_app(server: MCPServer) -> Any:
    """The server as an ASGI application at /mcp."""
    return server.streamable_http_app(**_HTTP if _SINCE_2 else {})
