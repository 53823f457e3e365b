"""Journals: values kept exactly and in order, beside the records."""

from __future__ import annotations

from agentmem._core import Journal
from agentmem.store.part import StorePart


class Journals(StorePart):
    """The methods of a store that give access to its journals."""

    def journal(self, name: str) -> Journal:
        """Return the handle of a journal: values kept exactly and in order, and never searched.

        It reads and writes nothing. Raises InvalidRecordError for a name that is not text of 1 to 1,024 bytes
        without NUL.
        """
        return self._store.journal(name)

    def journals(self, prefix: str = "", *, after: str | None = None, limit: int | None = None) -> list[str]:
        """Return the names of the journals with at least one entry, sorted.

        `prefix` matches characters: end it with "/" to find what is below a name. `after` and `limit` make
        pages.
        """
        return self._store.journals(prefix, after, limit)
