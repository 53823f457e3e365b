"""What importers share. An importer reads what another program left on disk, and changes nothing there.

It turns each row of a source into the fields of a record, whose id is derived from the source, so that a
second import adds nothing.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from agentmem import AgentMemError, MemoryStore
from agentmem.types import Progress

from .report import Report
from .source import Fields, Row, Run, Source, broken, first_date, json_object, row_id
from .sqlite import open_sqlite

__all__ = [
    "Fields",
    "Report",
    "Row",
    "Run",
    "Source",
    "broken",
    "first_date",
    "import_place",
    "import_sources",
    "json_object",
    "open_sqlite",
    "row_id",
]

_Report = TypeVar("_Report", bound=Report)


def import_sources(
    store: MemoryStore,
    sources: Iterable[Source],
    report: _Report,
    dry_run: bool = False,
    progress: Progress | None = None,
    replace: bool = False,
) -> _Report:
    """Import the rows of the sources and return the report.

    `replace=True` replaces records that the store has and that differ from the source now. `progress` is
    called with the number of rows read and the total, 0 if that is not known. An exception in it stops the
    import; what was added before stays.
    """
    Run(store, report, dry_run=dry_run, replace=replace, progress=progress).read(sources)
    return report


def import_place(
    store: MemoryStore,
    open_source: Callable[[Path, Path], Source],
    place: Path,
    dry_run: bool = False,
    progress: Progress | None = None,
    replace: bool = False,
) -> Report:
    """Import a file or folder that `open_source` opens; it also gets a folder for copies.

    The other arguments are those of `import_sources`. Raises AgentMemError if there is nothing to read.
    """
    # After an error, a copy may still be open, and Windows deletes no open file.
    with tempfile.TemporaryDirectory(prefix="agentmem-import-", ignore_cleanup_errors=True) as scratch:
        try:
            source = open_source(place, Path(scratch))
        except sqlite3.Error as error:
            raise AgentMemError(f"{place} cannot be read: {error}") from error
        return import_sources(store, [source], Report([source.name]), dry_run, progress, replace)
