"""The memory tool, for the SDK's two kinds of clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import BetaAbstractMemoryTool, BetaAsyncAbstractMemoryTool

from agentmem import Hit, MemoryStore, Record
from agentmem._adapters import StoreOrPath, completed
from agentmem.anthropic.files import MemoryFiles

if TYPE_CHECKING:
    from anthropic.lib.tools import BetaAsyncFunctionTool, BetaFunctionTool
    from anthropic.types.beta import (
        BetaCacheControlEphemeralParam,
        BetaMemoryTool20250818CreateCommand,
        BetaMemoryTool20250818DeleteCommand,
        BetaMemoryTool20250818InsertCommand,
        BetaMemoryTool20250818RenameCommand,
        BetaMemoryTool20250818StrReplaceCommand,
        BetaMemoryTool20250818ViewCommand,
    )


class AgentMemMemoryTool(BetaAbstractMemoryTool):
    """The memory tool for `client.beta.messages.tool_runner(tools=[...])`, durable, for many processes.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Each `user`, any
    text, has files of its own. A command is one transaction and loses no edit of another process. What it
    refuses raises the SDK's `ToolError`, which the model gets to read.
    """

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        user: str = "default",
        cache_control: BetaCacheControlEphemeralParam | None = None,
    ) -> None:
        """Open the store. `cache_control` is the SDK's."""
        super().__init__(cache_control=cache_control)
        self._files = MemoryFiles(store, user)

    @property
    def store(self) -> MemoryStore:
        """The store."""
        return self._files.store

    def view(self, command: BetaMemoryTool20250818ViewCommand) -> str:
        """Return the numbered lines of a file, or what is in a directory, two levels deep."""
        return self._files.view(command.path, command.view_range)

    def create(self, command: BetaMemoryTool20250818CreateCommand) -> str:
        """Create a file; an existing one is not overwritten."""
        return self._files.create(command.path, command.file_text)

    def str_replace(self, command: BetaMemoryTool20250818StrReplaceCommand) -> str:
        """Replace a text that is once in a file. Without `new_str`, the text is removed."""
        return self._files.str_replace(command.path, command.old_str, command.new_str)

    def insert(self, command: BetaMemoryTool20250818InsertCommand) -> str:
        """Insert a text behind a line; line 0 is the top."""
        return self._files.insert(command.path, command.insert_line, command.insert_text)

    def delete(self, command: BetaMemoryTool20250818DeleteCommand) -> str:
        """Delete a file or a directory, with its history."""
        return self._files.delete(command.path)

    def rename(self, command: BetaMemoryTool20250818RenameCommand) -> str:
        """Rename a file or a directory; files keep their history."""
        return self._files.rename(command.old_path, command.new_path)

    def clear_all_memory(self) -> str:
        """Delete all files of the user."""
        return self._files.clear()

    def search(self, query: str, limit: int = 5) -> list[Hit]:
        """Return the files that answer the query, best first; `hit.record.metadata["path"]` is the path."""
        return self._files.search(query, limit)

    def search_tool(self, limit: int = 5) -> BetaFunctionTool[Any]:
        """Return a second tool, with which the model searches the files instead of opening each."""

        def search_memory(query: str) -> str:
            """Search the files of the memory directory. The result has their paths and the best passages.

            Args:
                query: What to look for, as a question or in keywords.
            """
            return self._files.found(query, limit)

        return beta_tool(search_memory)

    def history(self, path: str) -> list[Record]:
        """Return all versions of a file, oldest first, the current one last. Raises ToolError for no file."""
        return self._files.history(path)

    def close(self) -> None:
        """Close the store if the tool opened it. It opens again when it is used."""
        self._files.close()


class AgentMemAsyncMemoryTool(BetaAsyncAbstractMemoryTool):
    """The same tool for `AsyncAnthropic`, on the same files. It never blocks the event loop.

    A command that has begun ends before a cancelled caller goes on.
    """

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        user: str = "default",
        cache_control: BetaCacheControlEphemeralParam | None = None,
    ) -> None:
        """Open the store. `cache_control` is the SDK's."""
        super().__init__(cache_control=cache_control)
        self._files = MemoryFiles(store, user)

    @property
    def store(self) -> MemoryStore:
        """The store."""
        return self._files.store

    async def view(self, command: BetaMemoryTool20250818ViewCommand) -> str:
        """As `AgentMemMemoryTool.view`."""
        return await asyncio.to_thread(self._files.view, command.path, command.view_range)

    async def create(self, command: BetaMemoryTool20250818CreateCommand) -> str:
        """As `AgentMemMemoryTool.create`."""
        return await _in_thread(self._files.create, command.path, command.file_text)

    async def str_replace(self, command: BetaMemoryTool20250818StrReplaceCommand) -> str:
        """As `AgentMemMemoryTool.str_replace`."""
        return await _in_thread(self._files.str_replace, command.path, command.old_str, command.new_str)

    async def insert(self, command: BetaMemoryTool20250818InsertCommand) -> str:
        """As `AgentMemMemoryTool.insert`."""
        return await _in_thread(self._files.insert, command.path, command.insert_line, command.insert_text)

    async def delete(self, command: BetaMemoryTool20250818DeleteCommand) -> str:
        """As `AgentMemMemoryTool.delete`."""
        return await _in_thread(self._files.delete, command.path)

    async def rename(self, command: BetaMemoryTool20250818RenameCommand) -> str:
        """As `AgentMemMemoryTool.rename`."""
        return await _in_thread(self._files.rename, command.old_path, command.new_path)

    async def clear_all_memory(self) -> str:
        """As `AgentMemMemoryTool.clear_all_memory`."""
        return await _in_thread(self._files.clear)

    async def search(self, query: str, limit: int = 5) -> list[Hit]:
        """As `AgentMemMemoryTool.search`."""
        return await asyncio.to_thread(self._files.search, query, limit)

    def search_tool(self, limit: int = 5) -> BetaAsyncFunctionTool[Any]:
        """As `AgentMemMemoryTool.search_tool`."""

        async def search_memory(query: str) -> str:
            """Search the files of the memory directory. The result has their paths and the best passages.

            Args:
                query: What to look for, as a question or in keywords.
            """
            return await asyncio.to_thread(self._files.found, query, limit)

        return beta_async_tool(search_memory)

    async def history(self, path: str) -> list[Record]:
        """As `AgentMemMemoryTool.history`."""
        return await asyncio.to_thread(self._files.history, path)

    def close(self) -> None:
        """As `AgentMemMemoryTool.close`."""
        self._files.close()


async def _in_thread(command: Callable[..., str], *args: Any) -> str:
    return await completed(asyncio.to_thread(command, *args))
