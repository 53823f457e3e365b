"""What importers share. An importer reads what another program left on disk, and changes nothing there.

It turns each row of a source into the fields of a record, whose id is derived from the source, so that a
second import adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from agentmem import MemoryStore
from agentmem.types import Progress

from .report import Report
from .source import BATCH, Fields, Row, Source, add_records, copy_sqlite, json_object, row_id

__all__ = [
    "BATCH",
    "Fields",
    "Report",
    "Row",
    "Source",
    "add_records",
    "copy_sqlite",
    "import_sources",
    "json_object",
    "row_id",
]

_Report = TypeVar("_Report", bound=Report)


def import_sources(
    store: MemoryStore,
    sources: Iterable[Source],
    report: _Report,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> _Report:
    """Import the rows of the sources and return the report.

    `progress` is called with the number of rows read and the total. An exception in it stops the import;
    what was added before stays.
    """
    sources = list(sources)
    total, done = sum(source.total for source in sources), 0
    for source in sources:
        while batch := list(islice(source.rows, BATCH)):
            source.add(store, batch, dry_run, report)
            done += len(batch)
            if progress is not None:
                progress(done, total)
    return report
