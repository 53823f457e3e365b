"""Import what CrewAI's own storages left on disk: memories, knowledge and the states of flows.

The sources are not changed: SQLite and Chroma files are read from a copy. The id of each record is derived
from its source, so that a second import adds nothing. One module reads one kind of source.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from agentmem import AgentMemError, MemoryStore
from agentmem.importers import Source, import_sources
from agentmem.types import Progress

from .chroma import open_chroma
from .flow_states import open_flow_states
from .lance import open_lance
from .long_term import open_long_term
from .report import Report

__all__ = ["Report", "default_directories", "import_crewai"]

_OPENERS: dict[str, Callable[[Path, str, Path], Source]] = {
    "chroma.sqlite3": open_chroma,
    "flow_states.db": open_flow_states,
    "long_term_memory_storage.db": open_long_term,
    "memories.lance": open_lance,
}


def import_crewai(
    store: MemoryStore,
    directory: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    crew: str = "crew",
) -> Report:
    """Import what CrewAI's storages keep below `directory`: memories, knowledge and the states of flows.

    The default directory is where CrewAI keeps those of the working directory. Long-term, short-term and
    entity memories of crewai <= 1.9.3 name no crew; they are imported for the crew `crew`. The Chroma
    collection `knowledge_<name>` becomes that of `KnowledgeStorage(store, name)`. `AgentMemFlowPersistence`
    finds the states. `progress` is called with the number of rows read and the total. An exception in it
    stops the import; what was added before stays.
    """
    roots = [Path(directory)] if directory is not None else default_directories()
    if directory is not None and not roots[0].is_dir():
        raise AgentMemError(f"{directory} is not a directory; name the one that CrewAI keeps its memory in")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="agentmem-import-") as copies:
        sources = _open_sources(roots, crew, Path(copies), report)
        return import_sources(store, sources, report, dry_run, progress)


def default_directories() -> list[Path]:
    """The directories where CrewAI keeps the memories of the working directory."""
    name = os.environ.get("CREWAI_STORAGE_DIR") or Path.cwd().name
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "CrewAI"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    directories = [base / name, Path(name) if "CREWAI_STORAGE_DIR" in os.environ else base / name]
    found: list[Path] = []
    for directory in directories:
        if directory.is_dir() and not any(directory.samefile(other) for other in found):
            found.append(directory)
    return found


def _open_sources(roots: list[Path], crew: str, copies: Path, report: Report) -> Iterator[Source]:
    for root in roots:
        for folder, folders, files in os.walk(root):
            for name in sorted({*folders, *files} & _OPENERS.keys()):
                path = Path(folder, name)
                copy = copies / str(len(report.sources) + len(report.problems))
                copy.mkdir()
                try:
                    yield _OPENERS[name](path, crew, copy)
                    report.sources.append(str(path))
                except Exception as error:  # a source that cannot be read must not stop the others
                    report.problem(str(path), error)
