"""Five plain tools beside the graph: remember, recall, list_memories, forget and memory_stats."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from agentmem._adapters import distinct, to_json

from .memories import Memories, fitting
from .sdk import CallToolResult, MCPServer
from .tools import add_tool, result


class Remembered(BaseModel):
    """The memory that was stored."""

    id: str


class Memory(BaseModel):
    """A memory; a part of it, if it says so."""

    id: str
    content: str
    score: float | None = Field(None, description="The estimated probability that it is relevant")
    scope: str
    categories: list[str]
    created_at: str
    metadata: dict[str, Any]
    part: str | None = Field(None, description="What is not shown, and how to read it")


class Recalled(BaseModel):
    """Memories that answer a query, best first."""

    memories: list[Memory]
    total: int = Field(description="How many were found, within the limit")
    next_offset: int | None = Field(None, description="Pass it as offset to read on")


class Listed(BaseModel):
    """Memories, newest first."""

    memories: list[Memory]
    total: int = Field(description="How many there are")
    next_offset: int | None = Field(description="Pass it as offset to read on; null at the end")


class Forgotten(BaseModel):
    """How many memories were deleted."""

    deleted: int


class Statistics(BaseModel):
    """What the memory holds; at most 100 scopes and categories are named."""

    records: int
    scopes: list[str]
    categories: dict[str, int]
    oldest: str | None
    newest: str | None
    ok: bool = Field(description="Whether a check of the whole store found no damage")


Scope = Annotated[
    str | None,
    Field(description="This part of the memory and all below it, such as /user/alice"),
]
Categories = Annotated[list[str] | None, Field(description="Only with one of these categories")]
Since = Annotated[str | None, Field(description="Only created at or after this date: 2024-05-01")]
Until = Annotated[str | None, Field(description="Only created before this date")]
MinScore = Annotated[
    float | None, Field(ge=0, le=1, description="Only with at least this score; what is relevant by default")
]
Offset = Annotated[int, Field(ge=0, description="Leave out this many")]


def add_memory_tools(server: MCPServer, memories: Memories, read_only: bool) -> None:
    """Offer the tools; of a store that is only read, those that read."""
    store = memories.store

    def remember(
        content: Annotated[str, Field(description="One fact, in a sentence that is understood on its own")],
        categories: Annotated[list[str] | None, Field(description="Such as preference or decision")] = None,
        scope: Annotated[str | None, Field(description="Where it belongs, such as /user/alice")] = None,
        importance: Annotated[float, Field(ge=0, le=1)] = 0.5,
        metadata: Annotated[dict[str, Any] | None, Field(description="Any JSON object")] = None,
        id: Annotated[str | None, Field(description="Replaces the memory that has this id")] = None,
    ) -> Annotated[CallToolResult, Remembered]:
        """Remember a fact for this and for later conversations"""
        fields = {
            "scope": memories.inside(scope),
            "categories": _names(categories) or [],
            "importance": importance,
            "metadata": to_json(metadata or {}),
        }
        return result({"id": memories.remember(content, id, fields)})

    def recall(
        query: Annotated[str, Field(description="What to look for, as a question or in keywords")],
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        scope: Scope = None,
        categories: Categories = None,
        since: Since = None,
        until: Until = None,
        min_score: MinScore = None,
        offset: Offset = 0,
    ) -> Annotated[CallToolResult, Recalled]:
        """Search all memories, those of the knowledge graph too, and return the relevant ones, best first"""
        filters = {"categories": _names(categories), "since": since, "until": until}
        hits = memories.recall(query, limit, offset, scope, min_score, **filters)
        shown = fitting(hits)
        structured: dict[str, Any] = {"memories": shown, "total": len(hits)}
        if len(shown) < len(hits):
            structured["next_offset"] = offset + len(shown)
        note = _note("recall", shown, len(hits), structured.get("next_offset"))
        if not hits and min_score is None:
            note = "Nothing answers this. min_score=0 also finds what is hardly relevant."
        return result(structured, note=note)

    def list_memories(
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
        offset: Offset = 0,
        scope: Scope = None,
        categories: Categories = None,
        since: Since = None,
        until: Until = None,
        ids: Annotated[list[str] | None, Field(description="Only these memories")] = None,
        start: Annotated[int, Field(ge=0, description="Show contents from this character on")] = 0,
    ) -> Annotated[CallToolResult, Listed]:
        """List memories, newest first"""
        filters: dict[str, Any] = {
            "scope": memories.inside(scope),
            "categories": _names(categories),
            "since": since,
            "until": until,
            "ids": _names(ids),
        }
        total = store.count(**filters)
        shown = fitting(memories.to_dict(record, start) for record in store.list(limit, offset, **filters))
        following = offset + len(shown) if shown and offset + len(shown) < total else None
        structured = {"memories": shown, "total": total, "next_offset": following}
        return result(structured, note=_note("list_memories", shown, total, following))

    def forget(
        ids: Annotated[list[str], Field(description="The ids of the memories to delete")],
    ) -> Annotated[CallToolResult, Forgotten]:
        """Delete memories by their ids. Forgetting an entity deletes its observations and relations, too"""
        return result({"deleted": memories.forget(ids)})

    def memory_stats() -> Annotated[CallToolResult, Statistics]:
        """Count the memories, name their scopes and categories, and check the store"""
        return result(memories.stats())

    if not read_only:
        add_tool(server, remember, title="Remember")
    add_tool(server, recall, title="Recall", reads=True)
    add_tool(server, list_memories, title="List Memories", reads=True)
    if not read_only:
        add_tool(server, forget, title="Forget", deletes=True)
    add_tool(server, memory_stats, title="Memory Stats", reads=True)


def _names(names: list[str] | None) -> list[str] | None:
    return None if names is None else [*map(distinct, names)]


def _note(tool: str, shown: list[Any], total: int, following: int | None) -> str | None:
    """How to read on, if something follows."""
    if following is None:
        return None
    return (
        f"{len(shown)} of {total} memories are shown. To read on, call {tool} again with offset={following}."
    )
