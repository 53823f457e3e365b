"""What importers share. An importer reads what another program left on disk, and changes nothing there.

It turns each row of a source into the fields of a record, whose id is derived from the source, so that a
second import adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from agentmem import MemoryStore
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
