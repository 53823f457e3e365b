"""Prompts, which clients offer as slash commands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from .sdk import MCPServer


def add_prompts(server: MCPServer, tools: Collection[str], read_only: bool) -> None:
    """Offer `recall`, and `remember` unless the store is only read."""
    search = "recall" if "notes" in tools else "search_nodes"
    write = "remember" if "notes" in tools else "create_entities and add_observations"

    def recall(topic: Annotated[str, Field(description="What to look for")]) -> str:
        """Tell what the memory knows about a topic"""
        return f"Search your memory with {search}, and tell me what it knows about this: {topic}"

    def remember(fact: Annotated[str, Field(description="What to remember")]) -> str:
        """Store a fact in the memory"""
        return f"Store this in your memory with {write}, fact by fact, unless it is there already: {fact}"

    server.prompt(title="Recall")(recall)
    if not read_only:
        server.prompt(title="Remember")(remember)
