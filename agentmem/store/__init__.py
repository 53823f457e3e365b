"""MemoryStore: the synchronous interface of a store. Each of its parts is a file of this package."""

from __future__ import annotations

import logging
import os
from types import TracebackType
from typing import Any, Literal

from typing_extensions import Self

from agentmem import _core
from agentmem._embedding import StoreEmbedder
from agentmem.store.duplicates import Duplicates
from agentmem.store.journals import Journals
from agentmem.store.maintenance import Maintenance
from agentmem.store.migration import migrate as migrate
from agentmem.store.migration import migration_status as migration_status
from agentmem.store.path import absolute, shown
from agentmem.store.reading import Reading
from agentmem.store.search import Search
from agentmem.store.transfer import Transfer
from agentmem.store.writing import Writing
from agentmem.types import Embedder, StorePath

Durability = Literal["full", "normal"]
IndexMode = Literal["memory", "disk"]

# The core logs slow searches, migrations and repairs. Nothing is printed unless the program sets up logging.
logging.getLogger("agentmem.core").addHandler(logging.NullHandler())


class MemoryStore(Writing, Duplicates, Reading, Search, Journals, Transfer, Maintenance):
    """Records in one SQLite file. `agentmem.open` opens one.

    A store may be used from many threads, after a fork, and from many processes at once. A `progress`
    function must not fork. `copy.deepcopy` returns the store itself. A pickled store opens the same file
    when it is unpickled.

    All reads take the same filters as keywords: `ids`, `scope`, `categories`, `where`, `since`, `until`,
    `source` and `include_private`; see `agentmem.types.Filters`. No read returns a record that has expired.
    """

    def __init__(
        self,
        path: StorePath | None = None,
        *,
        pool_size: int = 8,
        durability: Durability = "full",
        index: IndexMode = "memory",
        embedder: Embedder | str | None = None,
        read_only: bool = False,
        busy_timeout: float = 30.0,
    ) -> None:
        """Open the store at `path`; see `agentmem.open`."""
        self._path = absolute(path)
        self._embedder = None if embedder is None else StoreEmbedder(embedder)
        self._options: dict[str, Any] = {
            "pool_size": pool_size,
            "durability": durability,
            "index": index,
            "read_only": read_only,
            "busy_timeout": busy_timeout,
        }
        self._store = _core.Store(self._path, **self._options)

    @property
    def path(self) -> str:
        """The absolute path of the store's file, or its URL as it was given, with its password."""
        return self._path

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._store.closed

    def close(self) -> None:
        """Save the index if that makes the next opening faster, and close the file.

        Closing twice does nothing.
        """
        self._store.close()

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __copy__(self) -> Self:
        """Return the store itself, so that a copied agent uses the same store."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the store itself, so that a copied agent uses the same store."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path and the options. Unpickling opens the file again."""
        embedder = None if self._embedder is None else self._embedder.given
        return _reopened, (type(self), self._path, embedder, self._options)

    def __repr__(self) -> str:
        """Show the path, and whether the store is closed."""
        return f"<{type(self).__name__} {shown(self._path)!r}{', closed' if self.closed else ''}>"


def open(
    path: StorePath | None = None,
    *,
    pool_size: int = 8,
    durability: Durability = "full",
    index: IndexMode = "memory",
    embedder: Embedder | str | None = None,
    read_only: bool = False,
    busy_timeout: float = 30.0,
) -> MemoryStore:
    """Open a store, and create the file if it does not exist.

    Args:
        path: the file; by default $AGENTMEM_PATH, else ./agentmem.db.
        pool_size: the largest number of connections that read at once.
        durability: with "full", a write that has returned survives power loss; with "normal", it survives a
            killed process.
        index: "memory", or "disk" for small machines: the full text index of SQLite answers searches, and
            only the texts of small scopes that were searched last are indexed in memory.
        embedder: makes the vectors of records that are added, and of queries; see `agentmem.types.Embedder`.
            "minilm" is the model of `pip install agentmem-db[semantic]`, which needs no key and no download.
        read_only: never write. The file must exist.
        busy_timeout: how many seconds to wait for a lock or a connection before StoreBusyError.
    """
    return MemoryStore(
        path,
        pool_size=pool_size,
        durability=durability,
        index=index,
        embedder=embedder,
        read_only=read_only,
        busy_timeout=busy_timeout,
    )


def _reopened(
    kind: type[MemoryStore], path: str, embedder: Embedder | str | None, options: dict[str, Any]
) -> MemoryStore:
    return kind(path, embedder=embedder, **options)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_core.before_fork,
        after_in_parent=_core.after_fork_in_parent,
        after_in_child=_core.after_fork_in_child,
    )
