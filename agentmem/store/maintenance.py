"""Looking after a store."""

from __future__ import annotations

from agentmem._embedding import embed_missing
from agentmem.errors import InvalidFilterError
from agentmem.store.part import StorePart
from agentmem.types import Progress, Stats, VerifyReport


class Maintenance(StorePart):
    """The methods of a store that measure, check and renew it."""

    def stats(self, *, scope: str | None = None) -> Stats:
        """Return sizes and counters of the store.

        In a store in PostgreSQL that has spaces, `scope` asks for those of the space that holds it; the bytes
        on disk and the connections are always those of the store.
        """
        return Stats(**self._store.stats(scope))

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Check SQLite's file, and compare everything that is derived from the records with them.

        The report is true if there is no problem; otherwise it lists the problems.
        """
        return VerifyReport(**self._store.verify(progress))

    def rebuild(self, progress: Progress | None = None) -> int:
        """Build the full text and the index again from the records, and return the number of records.

        Then the space of deleted records goes back to the disk. This needs free space for a copy of the
        file; without it, the file keeps its size.
        """
        return self._store.rebuild(progress)

    def embed_missing(
        self, limit: int | None = None, progress: Progress | None = None, *, scope: str | None = None
    ) -> int:
        """Add vectors to the records that have none, and return how many got one; at most `limit`.

        The store's embedder makes them, and every 64 are a transaction. Other threads and processes may use
        the store meanwhile. It can be stopped at any moment and called again. No version, date or order
        changes. `progress` counts the records that were without a vector. Texts that the embedder cannot
        embed stay without one. Raises InvalidFilterError if the store has no embedder, and
        EmbedderMismatchError or DimensionMismatchError if the store holds vectors of another one. In a store
        in PostgreSQL that has spaces, the records are those of the space that holds `scope`.
        """
        if self._embedder is None:
            raise InvalidFilterError(
                "invalid filter: embed_missing() needs an embedder; open the store with embedder=..."
            )
        return embed_missing(self._store, self._embedder, limit, progress, scope)
