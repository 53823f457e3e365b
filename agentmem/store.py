"""MemoryStore: the synchronous interface of a store."""

from __future__ import annotations

import builtins
import logging
import os
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal, cast

from typing_extensions import Self, Unpack

from agentmem import _core
from agentmem._core import Hit, Record
from agentmem._files import LinesFile, readable, rereadable, writable
from agentmem.errors import InvalidFilterError, InvalidRecordError, StorePathError
from agentmem.types import (
    Embedder,
    Filters,
    FiltersInScope,
    Imported,
    MigrationStatus,
    Mode,
    Names,
    NewRecord,
    OnConflict,
    Progress,
    ScopeInfo,
    Stats,
    StorePath,
    Vector,
    VerifyReport,
    Viewer,
    When,
)

DEFAULT_PATH = "agentmem.db"
PATH_VARIABLE = "AGENTMEM_PATH"

Durability = Literal["full", "normal"]
IndexMode = Literal["memory", "disk"]

# The core logs slow searches, migrations and repairs. Nothing is printed unless the program sets up logging.
logging.getLogger("agentmem.core").addHandler(logging.NullHandler())


class MemoryStore:
    """Records in one SQLite file. `agentmem.open` opens one.

    A store may be used from many threads, after a fork, and from many processes at once. A `progress`
    function must not fork. `copy.deepcopy` returns the store itself. A pickled store opens the same file
    when it is unpickled.

    All reads take the same filters as keywords: `scope`, `categories`, `where`, `since`, `until`, `source`
    and `include_private`; see `agentmem.types.Filters`.
    """

    def __init__(
        self,
        path: StorePath | None = None,
        *,
        pool_size: int = 8,
        durability: Durability = "full",
        index: IndexMode = "memory",
        embedder: Embedder | None = None,
        read_only: bool = False,
        busy_timeout: float = 30.0,
    ) -> None:
        """Open the store at `path`; see `agentmem.open`."""
        self._path = _absolute(path)
        self._embedder = embedder
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
        """The absolute path of the store's file."""
        return self._path

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._store.closed

    # Writing

    def add(
        self,
        content: str,
        *,
        id: str | None = None,
        scope: str = "/",
        metadata: dict[str, Any] | None = None,
        categories: Names = (),
        importance: float = 0.5,
        source: str | None = None,
        private: bool = False,
        created_at: When | None = None,
        embedding: Vector | None = None,
    ) -> str:
        """Store one record and return its id. As soon as `add` returns, searches in all processes find it.

        Raises DuplicateIdError if the store has a record with this id, and InvalidRecordError if a field is
        invalid.
        """
        record = Record(
            content,
            id=id,
            scope=scope,
            metadata=metadata,
            categories=categories,
            importance=importance,
            source=source,
            private=private,
            created_at=created_at,
            embedding=embedding,
        )
        return self.add_many((record,))[0]

    def put(
        self,
        content: str,
        *,
        id: str | None = None,
        scope: str = "/",
        metadata: dict[str, Any] | None = None,
        categories: Names = (),
        importance: float = 0.5,
        source: str | None = None,
        private: bool = False,
        created_at: When | None = None,
        embedding: Vector | None = None,
    ) -> str:
        """Like `add`, but replace the record that has this id, with all its fields."""
        record = Record(
            content,
            id=id,
            scope=scope,
            metadata=metadata,
            categories=categories,
            importance=importance,
            source=source,
            private=private,
            created_at=created_at,
            embedding=embedding,
        )
        return self.put_many((record,))[0]

    def add_many(self, records: Iterable[NewRecord]) -> builtins.list[str]:
        """Store texts, dicts of record fields and Records, all or nothing, and return their ids."""
        return self._store.add(self._embedded(records), "fail")

    def put_many(self, records: Iterable[NewRecord]) -> builtins.list[str]:
        """Like `add_many`, but replace records that have one of the ids."""
        return self._store.add(self._embedded(records), "replace")

    def update(self, /, id: str, **changes: Any) -> Record:
        """Change fields of a record and return the new record.

        All fields except `id` and `updated_at` can be changed. Metadata and categories are replaced, not
        merged. A private record can be changed by anyone who knows its id. Raises RecordNotFoundError if no
        record has the id.
        """
        content = changes.get("content")
        if self._embedder is not None and isinstance(content, str) and "embedding" not in changes:
            changes["embedding"] = self._vectors([content])[0]
        return self._store.update(id, **changes)

    def delete(self, ids: Names | None = None, **filters: Unpack[Filters]) -> int:
        """Delete the records with these ids, or those that pass the filters, and return how many.

        With ids alone, private records are deleted too. With filters, only records that `list` would return
        with them are deleted. Without any argument, InvalidFilterError is raised; `ids=[]` deletes nothing.
        """
        return self._store.delete(ids=ids, **filters)

    def touch(self, ids: Names) -> int:
        """Set `last_accessed` of these records to now, and return how many there are."""
        return self._store.touch(ids)

    def reset(self, scope: str | None = None) -> int:
        """Delete all records in the scope, or in the store, private ones too, and return how many."""
        return self._store.reset(scope)

    # Reading

    def get(self, id: str, **viewer: Unpack[Viewer]) -> Record | None:
        """Return the record with this id, or None if there is none or the caller may not see it."""
        if not isinstance(id, str):
            raise InvalidFilterError(f"invalid filter: id must be text, not {id!r} ({type(id).__name__})")
        return self.get_many([id], **viewer)[0]

    def get_many(self, ids: Names, **viewer: Unpack[Viewer]) -> builtins.list[Record | None]:
        """Return the record for each id, in order; None where there is none or the caller may not see it."""
        return self._store.get(ids, **_viewer(viewer))

    def list(
        self, limit: int | None = 100, offset: int = 0, **filters: Unpack[Filters]
    ) -> builtins.list[Record]:
        """Return the records that pass the filters, newest first; `limit=None` returns all."""
        return self._store.list(limit, offset, **filters)

    def count(self, **filters: Unpack[Filters]) -> int:
        """Return how many records pass the filters."""
        return self._store.count(**filters)

    def scopes(self, parent: str = "/", **viewer: Unpack[Viewer]) -> builtins.list[str]:
        """Return the immediate child scopes that have records in or below them, sorted."""
        return self._store.scopes(parent, **_viewer(viewer))

    def scope_info(self, scope: str, **viewer: Unpack[Viewer]) -> ScopeInfo:
        """Return the number of records in a scope, with their categories, dates and child scopes."""
        return ScopeInfo(**self._store.scope_info(scope, **_viewer(viewer)))

    def categories(self, /, scope: str | None = None, **filters: Unpack[FiltersInScope]) -> dict[str, int]:
        """Return the categories in use with their counts, most frequent first."""
        return self._store.categories(scope=scope, **filters)

    def search(
        self,
        query: str,
        limit: int = 10,
        *,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        vector: Vector | None = None,
        dialogue: bool = False,
        recency_weight: float = 0.0,
        importance_weight: float = 0.0,
        half_life_days: float = 30.0,
        **filters: Unpack[Filters],
    ) -> builtins.list[Hit]:
        """Return the records that are relevant to a query, best first. No text is query syntax.

        Args:
            query: a question, keywords, or a long task description.
            limit: the largest number of hits.
            mode: "hybrid" (BM25, then a second stage that reads the best candidates), "bm25", "tfidf"
                (cosine; exact for the 200 records that an estimate ranks first), or "vector" (cosine of
                embeddings).
            min_score: leave out hits with a lower score. At 0.6, a reader would call a record relevant.
            vector: the embedding of the query. Without it, the store's embedder makes it, if there is one.
            dialogue: the records are turns of a conversation. A turn's neighbours in its scope and the name
                of its speaker ("Alice: ...") raise its score. For mode "hybrid" only.
            recency_weight: the weight of a record's recency; the weight of relevance is 1.
            importance_weight: the weight of a record's importance.
            half_life_days: the age at which recency is 0.5.
            filters: search only records that pass; see `agentmem.types.Filters`.
        """
        if vector is None and self._embeds(mode) and isinstance(query, str):
            vector = self._vectors([query])[0]
        blend = (recency_weight, importance_weight, half_life_days)
        return self._store.search(query, limit, mode, min_score, vector, dialogue, blend, **filters)

    def search_many(
        self,
        queries: Iterable[str],
        limit: int = 10,
        *,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        vectors: Iterable[Vector] | None = None,
        dialogue: bool = False,
        recency_weight: float = 0.0,
        importance_weight: float = 0.0,
        half_life_days: float = 30.0,
        **filters: Unpack[Filters],
    ) -> builtins.list[builtins.list[Hit]]:
        """Search for each query, in parallel on all cores, and return a list of hits for each."""
        if isinstance(queries, str):
            raise InvalidFilterError(
                "invalid filter: queries must be a list of text, not one text; use search()"
            )
        queries = builtins.list(queries)
        given = None if vectors is None else builtins.list(vectors)
        if given is not None and len(given) != len(queries):
            raise InvalidFilterError(f"invalid filter: {len(given)} vectors for {len(queries)} queries")
        if (
            given is None
            and queries
            and self._embeds(mode)
            and all(isinstance(query, str) for query in queries)
        ):
            given = self._vectors(queries)
        blend = (recency_weight, importance_weight, half_life_days)
        return self._store.search_many(queries, limit, mode, min_score, given, dialogue, blend, **filters)

    # Maintenance

    def stats(self) -> Stats:
        """Return sizes and counters of the store."""
        return Stats(**self._store.stats())

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Check SQLite's file, and compare everything that is derived from the records with them.

        The report is true if there is no problem; otherwise it lists the problems.
        """
        return VerifyReport(**self._store.verify(progress))

    def rebuild(self, progress: Progress | None = None) -> int:
        """Make the full text and the index anew from the records, and return the number of records.

        Then the space of deleted records goes back to the disk. This needs free space for a copy of the
        file; without it, the file keeps its size.
        """
        return self._store.rebuild(progress)

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
        **filters: Unpack[Filters],
    ) -> int:
        """Write the records that pass the filters as one JSON object a line, and return how many.

        Private records are left out unless `include_private=True` or their `source` is given. A file that
        is given as a path appears once it is complete. It replaces an existing file, except a database.
        Raises StorePathError if the file cannot be made, and CorruptStoreError if a record is damaged; with
        `skip_damaged`, damaged records are logged and left out.
        """
        with writable(file) as out:
            return self._store.export(out, skip_damaged, progress, **filters)

    def import_(
        self,
        file: LinesFile,
        on_conflict: OnConflict = "fail",
        progress: Progress | None = None,
    ) -> Imported:
        """Store records from a file of JSON lines: what `export` wrote, or any objects with record fields.

        A file that can be read twice is checked first, so that an error in it changes nothing. Then every
        10,000 records are one transaction. When the import stops, or a stream has an error, the records of
        finished transactions stay; to continue, import again with `on_conflict="skip"`, which skips ids that
        the store has. "replace" replaces their records. `progress` counts lines. Embeddings are read from
        the lines; the store's embedder makes none.
        """
        with readable(file) as lines:
            if rereadable(lines):
                start = lines.tell()
                self._store.check_import(lines, on_conflict, None)
                lines.seek(start)
            return Imported(**self._store.import_(lines, on_conflict, progress))

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
        return _reopened, (type(self), self._path, self._embedder, self._options)

    def __repr__(self) -> str:
        """Show the path, and whether the store is closed."""
        return f"<{type(self).__name__} {self._path!r}{', closed' if self.closed else ''}>"

    # Internal

    def _embeds(self, mode: str) -> bool:
        return self._embedder is not None and mode in ("hybrid", "vector")

    def _vectors(self, texts: builtins.list[str]) -> builtins.list[Vector]:
        embed = cast("Embedder", self._embedder)
        vectors = builtins.list(embed(texts))
        if len(vectors) != len(texts):
            raise InvalidRecordError(f"the embedder returned {len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def _embedded(self, records: Iterable[NewRecord]) -> Iterable[NewRecord]:
        """The records, with an embedding for each that has none, if the store has an embedder."""
        if isinstance(records, (str, bytes, dict, Record)) or not isinstance(records, Iterable):
            raise InvalidRecordError(
                f"invalid record: records must be a list, not {type(records).__name__}; use add() for one"
            )
        if self._embedder is None:
            return records
        whole = [_core.as_record(record) for record in records]
        bare = [place for place, record in enumerate(whole) if record.embedding is None]
        if bare:
            vectors = self._vectors([whole[place].content for place in bare])
            for place, vector in zip(bare, vectors, strict=True):
                whole[place] = whole[place].replace(embedding=vector)
        return whole


def open(
    path: StorePath | None = None,
    *,
    pool_size: int = 8,
    durability: Durability = "full",
    index: IndexMode = "memory",
    embedder: Embedder | None = None,
    read_only: bool = False,
    busy_timeout: float = 30.0,
) -> MemoryStore:
    """Open a store, and create the file if it does not exist.

    Args:
        path: the file; by default $AGENTMEM_PATH, else ./agentmem.db.
        pool_size: the largest number of connections that read at once.
        durability: with "full", a write that has returned survives power loss; with "normal", it survives a
            killed process.
        index: "memory", or "disk" for small machines: the full text index of SQLite answers searches.
        embedder: makes the vectors of records that are added, and of queries.
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


def migration_status(path: StorePath) -> MigrationStatus:
    """Return the schema version of a store's file and the missing migrations. Nothing is written."""
    return MigrationStatus(**_core.migration_status(path))


def _absolute(path: StorePath | None) -> str:
    """The absolute path, so that a later change of the working directory does not matter."""
    given = os.fspath(path) if path is not None else os.environ.get(PATH_VARIABLE) or DEFAULT_PATH
    if not isinstance(given, str):
        raise TypeError(f"path must be str or os.PathLike[str], not {type(given).__name__}")
    if given == ":memory:":
        raise StorePathError(
            "a store is a file, ':memory:' is none; for a temporary store, use a file in a temporary folder"
        )
    try:
        return os.path.abspath(given) if given else given
    except OSError as error:  # the working directory is gone
        raise StorePathError(error.errno, error.strerror, given) from error


def _viewer(viewer: Viewer) -> dict[str, Any]:
    return {"source": None, "include_private": False, **viewer}


def _reopened(
    kind: type[MemoryStore], path: str, embedder: Embedder | None, options: dict[str, Any]
) -> MemoryStore:
    return kind(path, embedder=embedder, **options)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_core.before_fork,
        after_in_parent=_core.after_fork_in_parent,
        after_in_child=_core.after_fork_in_child,
    )
