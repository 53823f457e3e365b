"""Import the file of the reference memory server. The file is not changed."""

from __future__ import annotations

import os
from pathlib import Path

from agentmem import ConflictError, MemoryStore
from agentmem.importers import Report, Source, import_sources
from agentmem.types import Progress

from .memory_file import rows_of
from .records import graph_scope


def import_memory_file(
    store: MemoryStore,
    path: str | os.PathLike[str],
    scope: str = "/",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Add the entities, observations and relations of a file that the graph of `scope` does not have.

    Damaged lines are skipped and reported. Raises OSError if the file cannot be read.
    """
    rows = list(rows_of(Path(path), graph_scope(scope)))
    report = Report(sources=[str(path)])
    return import_sources(store, [Source(len(rows), iter(rows))], report, dry_run, progress)


def import_once(store: MemoryStore, path: Path, scope: str) -> Report | None:
    """Import a file in one transaction, unless it was imported before; then return None.

    So what was deleted since does not come back, whatever happens to the file.
    """
    name = str(path.absolute())
    imported = store.journal(graph_scope(scope).removeprefix("/"))
    if imported.get(name) is not None:
        return None
    report = Report(sources=[str(path)])
    adds = []
    try:
        with store.batch() as batch:
            batch.journal(imported.name).put(name, True, if_number=0)
            for row in rows_of(path, graph_scope(scope)):
                try:
                    adds.append(batch.add(row.fields(), on_conflict="skip"))
                except ValueError as error:
                    report.broken += 1
                    report.problem(row.where, error)
    except ConflictError:  # another server imports it at the same time
        return None
    report.added = sum(add.written for add in adds)
    report.known = len(adds) - report.added
    return report
