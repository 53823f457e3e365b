"""The programs that `agentmem import` knows. One module of this package reads what one of them keeps."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from importlib import import_module
from pathlib import Path
from types import ModuleType

from agentmem import AgentMemError, MemoryStore
from agentmem.types import Progress

from . import import_sources
from .report import Report

PROGRAMS = {
    "chatgpt": "the account export of ChatGPT: the zip, its folder, or conversations.json",
    "claude": "the account export of Claude: the zip, its folder, or conversations.json",
    "claude-code": "the transcripts of Claude Code, usually in ~/.claude/projects",
    "markdown": "a folder of Markdown notes",
    "mem0": "mem0's memories: its local Qdrant folder, or a file with the JSON of get_all()",
    "chroma": "the documents in the folder of Chroma's PersistentClient",
    "langgraph": "the items in the file of LangGraph's SqliteStore, for AgentMemStore",
    "basic-memory": "the notes of basic-memory: its database, or the folder of a project",
}
"""The name of each program, and what is read of it.

The module of "claude-code" is `claude_code`. It has `open_source(path, scratch)`, where `scratch` is a folder
for copies, and `default_path()` if there is a usual place.
"""

# What becomes an adapter's is read by the adapter.
_ELSEWHERE = {"langgraph": "agentmem.langgraph.importer"}


def import_program(
    store: MemoryStore,
    program: str,
    path: str | os.PathLike[str] | None = None,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    replace: bool = False,
) -> Report:
    """Import what a program, one of `PROGRAMS`, keeps in a file or folder, or in its usual place.

    The other arguments are those of `import_sources`. Raises AgentMemError if there is nothing to read.
    """
    reader = _reader(program)
    if path is None and not hasattr(reader, "default_path"):
        raise AgentMemError(f"name the file or folder of {PROGRAMS[program]}")
    place = Path(path if path is not None else reader.default_path())
    with tempfile.TemporaryDirectory(prefix="agentmem-import-") as scratch:
        try:
            source = reader.open_source(place, Path(scratch))
        except sqlite3.Error as error:
            raise AgentMemError(f"{place} cannot be read: {error}") from error
        return import_sources(store, [source], Report([source.name]), dry_run, progress, replace)


def _reader(program: str) -> ModuleType:
    try:
        return import_module(_ELSEWHERE.get(program, f"agentmem.importers.{program.replace('-', '_')}"))
    except ImportError as error:
        raise AgentMemError(str(error)) from error
