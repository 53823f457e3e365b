"""`agentmem import langgraph`: import the items of LangGraph's SqliteStore."""

from __future__ import annotations

from agentmem import MemoryStore
from agentmem.cli.group import Failure
from agentmem.cli.importing import program_command
from agentmem.importers import Report
from agentmem.types import Progress


def _read(store: MemoryStore, file: str | None, dry_run: bool, progress: Progress, replace: bool) -> Report:
    try:
        from agentmem.langgraph.importer import import_sqlite_store
    except ImportError as error:
        raise Failure(error) from error
    return import_sqlite_store(store, file or "", dry_run=dry_run, progress=progress, replace=replace)


command = program_command(
    "langgraph", "items of LangGraph's SqliteStore", "its file", _read, path_required=True
)
