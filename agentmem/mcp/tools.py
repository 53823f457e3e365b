"""How a function becomes a tool: in a thread, with hints for clients, with errors that the model may read."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import anyio.to_thread

from agentmem import AgentMemError

from .sdk import CallToolResult, MCPServer, TextContent, ToolAnnotations, ToolError


def add_tool(
    server: MCPServer,
    function: Callable[..., Any],
    *,
    title: str,
    reads: bool = False,
    deletes: bool = False,
) -> None:
    """Offer a function as a tool. One that neither reads nor deletes adds."""

    @functools.wraps(function)
    async def run(**arguments: Any) -> Any:
        try:
            return await anyio.to_thread.run_sync(functools.partial(function, **arguments))
        except AgentMemError as error:
            raise ToolError(str(error)) from error

    hints = ToolAnnotations(
        readOnlyHint=reads, destructiveHint=deletes, idempotentHint=reads or deletes, openWorldHint=False
    )
    server.add_tool(run, title=title, annotations=hints)


def result(structured: dict[str, Any], shown: Any = None, note: str | None = None) -> CallToolResult:
    """A result as text for the model and as data for the client; `shown` is the text if it differs.

    A note follows in a text of its own.
    """
    shown = structured if shown is None else shown
    text = shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False)
    texts = [text] if note is None else [text, note]
    content = [TextContent(type="text", text=text) for text in texts]
    return CallToolResult(content=content, structuredContent=structured)
