"""The programs that this package reads, one module each. Adapters have importers of their own beside them."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

from agentmem import AgentMemError, MemoryStore
from agentmem.types import Progress

from . import import_place
from .report import Report

_EXPORT = "the zip of the account export, its folder, or conversations.json"

PROGRAMS = {
    "chatgpt": ("messages and memories of ChatGPT", _EXPORT),
    "claude": ("messages and memories of Claude", _EXPORT),
    "claude-code": ("what was said in Claude Code", "transcripts; by default ~/.claude/projects"),
    "markdown": ("Markdown notes", "a folder of notes, or one note"),
    "mem0": ("memories of mem0", "its local Qdrant folder, or a file with the JSON of get_all()"),
    "chroma": ("documents of Chroma", "the folder of its PersistentClient"),
    "basic-memory": (
        "notes of basic-memory",
        "the folder of a project, or the database; by default ~/.basic-memory/memory.db",
    ),
}
"""For the name of each program: what is imported, and what the path names.

The module of "claude-code" is `claude_code`. It has `open_source(path, scratch)`, where `scratch` is a folder
for copies, and `default_path()` if there is a usual place.
"""


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

    The other arguments are those of `import_sources`. Raises AgentMemError for another program, and if
    there is nothing to read.
    """
    if program not in PROGRAMS:
        raise AgentMemError(f"the programs are {', '.join(PROGRAMS)}, not {program!r}")
    reader = import_module(f"agentmem.importers.{program.replace('-', '_')}")
    if path is None and not hasattr(reader, "default_path"):
        raise AgentMemError(f"name the file or folder: {PROGRAMS[program][1]}")
    place = Path(path if path is not None else reader.default_path())
    return import_place(store, reader.open_source, place, dry_run, progress, replace)
