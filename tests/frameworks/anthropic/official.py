"""A pytest plugin that puts agentmem's tools in the place of those that keep files, for the SDK's own tests.

Tests that need a folder of files are left out: links, permissions, and files that the tests write themselves.
"""

import inspect
import re
from pathlib import Path

from anthropic.lib.tools import _beta_builtin_memory_tool as sdk
from postgres_server import place

import agentmem
from agentmem.anthropic import AgentMemAsyncMemoryTool, AgentMemMemoryTool

NEEDS_A_FOLDER = re.compile(r"symlink|umask|memory_root")


class SwappedTool(AgentMemMemoryTool):
    """Takes the arguments of the SDK's tool."""

    def __init__(self, base_path):
        super().__init__(place(Path(base_path) / "memory.db"))
        self.base_path = base_path


class SwappedAsyncTool(AgentMemAsyncMemoryTool):
    """Takes the arguments of the SDK's tool."""

    def __init__(self, base_path):
        super().__init__(place(Path(base_path) / "memory.db"))
        self.base_path = base_path


sdk.BetaLocalFilesystemMemoryTool = SwappedTool
sdk.BetaAsyncLocalFilesystemMemoryTool = SwappedAsyncTool


def snapshot(base_path):
    """The paths and contents of all files."""
    with agentmem.open(place(Path(base_path) / "memory.db")) as store:
        return {record.metadata["path"][1:]: record.content for record in store.list(None)}


def pytest_collection_modifyitems(config, items):
    kept, left_out = [], []
    for item in items:
        item.module.get_directory_snapshot = snapshot
        (left_out if NEEDS_A_FOLDER.search(inspect.getsource(item.function)) else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
