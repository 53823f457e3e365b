"""Copying a store, and moving records between stores and files."""

from __future__ import annotations

from typing_extensions import Unpack

from agentmem._files import LinesFile, readable, rereadable, writable
from agentmem.store.part import StorePart
from agentmem.types import Filters, Imported, OnConflict, Progress, StorePath


class Transfer(StorePart):
    """The methods of a store that copy, export and import."""

    def backup(self, path: StorePath, progress: Progress | None = None) -> None:
        """Copy the store to a file that appears once it is complete. The store may be in use.

        `progress` counts pages.
        """
        self._store.backup(path, progress)

    def export(
        self,
        file: LinesFile,
        progress: Progress | None = None,
        *,
        skip_damaged: bool = False,
        journals: bool = False,
        history: bool = False,
        **filters: Unpack[Filters],
    ) -> int:
        """Write the records that pass the filters as one JSON object a line, and return how many lines.

        `history=True` adds the superseded versions of these records that the caller may see, and
        `journals=True` all journals; older versions of agentmem cannot read such lines. Private records are
        left out unless `include_private=True` or their `source` is given. A file that is given as a path
        appears once it is complete. It replaces an existing file, except a database. Raises StorePathError
        if the file cannot be made, and CorruptStoreError if a record is damaged; with `skip_damaged`,
        damaged records are logged and left out.
        """
        with writable(file) as out:
            return self._store.export(out, skip_damaged, journals, history, progress, **filters)

    def import_(
        self,
        file: LinesFile,
        on_conflict: OnConflict = "fail",
        progress: Progress | None = None,
    ) -> Imported:
        """Store records from a file of JSON lines: what `export` wrote, or any objects with record fields.

        A file that can be read twice is checked first, so that an error in it changes nothing. Then every
        10,000 records are one transaction. When the import stops, or a stream has an error, the records of
        finished transactions stay; to continue, import again with `on_conflict="skip"`, which skips ids
        that the store has. "replace" replaces their records. Entries of journals keep their numbers, and
        those that the store has are skipped. What has expired is skipped. `progress` counts lines.
        Embeddings are read from the lines; the store's embedder makes none.
        """
        with readable(file) as lines:
            if rereadable(lines):
                start = lines.tell()
                self._store.check_import(lines, on_conflict, None)
                lines.seek(start)
            return Imported(**self._store.import_(lines, on_conflict, progress))
