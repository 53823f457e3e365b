"""MemoryStore: the synchronous face of a store."""

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

# The core tells of slow searches, migrations and repairs; only those who set up logging see it.
logging.getLogger("agentmem.core").addHandler(logging.NullHandler())


class MemoryStore:
    """Memories in one SQLite file. Open one with `agentmem.open`.

    Safe to use from many threads, and after a fork, which must not happen in a `progress` function; many
    processes may have the file open at once.
    `copy.deepcopy` gives the store itself, and pickling it opens the same file again on the other side.

    All reads take the same filters, by keyword: `scope`, `categories`, `where`, `since`, `until`, `source`
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
        """The store's file, absolute."""
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
        """Store one memory and return its id. When `add` returns, the next search finds it, in any process.

        Raises DuplicateIdError if `id` is taken, InvalidRecordError if something cannot be stored.
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
        """As `add`, but a record that has the id already is replaced, whole."""
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
        """Store texts, dicts of a record's fields, and Records, mixed: all or none. Return the ids."""
        return self._store.add(self._embedded(records), "fail")

    def put_many(self, records: Iterable[NewRecord]) -> builtins.list[str]:
        """As `add_many`, but records that have such an id already are replaced."""
        return self._store.add(self._embedded(records), "replace")

    def update(self, /, id: str, **changes: Any) -> Record:
        """Change fields of a record, and return it as it is now.

        Any field but `id` and `updated_at` can be changed; metadata and categories are replaced whole.
        Whoever knows the id may change the record, private or not. Raises RecordNotFoundError if there is
        no such record.
        """
        content = changes.get("content")
        if self._embedder is not None and isinstance(content, str) and "embedding" not in changes:
            changes["embedding"] = self._vectors([content])[0]
        return self._store.update(id, **changes)

    def delete(self, ids: Names | None = None, **filters: Unpack[Filters]) -> int:
        """Delete the records of these ids, or those that pass the filters; say how many.

        By ids alone, private records too are deleted; with filters, only what `list` would show. Nothing
        given is an InvalidFilterError; `ids=[]` deletes nothing.
        """
        return self._store.delete(ids=ids, **filters)

    def touch(self, ids: Names) -> int:
        """Set `last_accessed` of these records to now; say how many there are."""
        return self._store.touch(ids)

    def reset(self, scope: str | None = None) -> int:
        """Delete everything in the scope and below, or everything, private records too; say how many."""
        return self._store.reset(scope)

    # Reading

    def get(self, id: str, **viewer: Unpack[Viewer]) -> Record | None:
        """Return the record of this id; None if there is none, or it is private and not for this `source`."""
        if not isinstance(id, str):
            raise InvalidFilterError(f"invalid filter: id must be text, not {id!r} ({type(id).__name__})")
        return self.get_many([id], **viewer)[0]

    def get_many(self, ids: Names, **viewer: Unpack[Viewer]) -> builtins.list[Record | None]:
        """Return the records of these ids, in their order; None for each that is not there to be seen."""
        return self._store.get(ids, **_viewer(viewer))

    def list(
        self, limit: int | None = 100, offset: int = 0, **filters: Unpack[Filters]
    ) -> builtins.list[Record]:
        """Return the records that pass the filters, newest first; `limit=None` returns all."""
        return self._store.list(limit, offset, **filters)

    def count(self, **filters: Unpack[Filters]) -> int:
        """Say how many records pass the filters."""
        return self._store.count(**filters)

    def scopes(self, parent: str = "/", **viewer: Unpack[Viewer]) -> builtins.list[str]:
        """Return the immediate children of a scope that hold records at or below them, sorted."""
        return self._store.scopes(parent, **_viewer(viewer))

    def scope_info(self, scope: str, **viewer: Unpack[Viewer]) -> ScopeInfo:
        """Say what is in a scope and below: records, categories, dates, child scopes."""
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
        """Return what is relevant to a query, best first. Any text is a query; nothing in it is syntax.

        Args:
            query: a question, keywords, or a long task description.
            limit: at most so many hits.
            mode: "hybrid" (all there is), "bm25", "tfidf" (cosine, exact for the 200 records that an
                estimate of it puts first), or "vector" (cosine of embeddings).
            min_score: leave out hits below this relevance; 0.6 means that a reader would call it relevant.
            vector: the query's embedding; made by the store's embedder, if it has one and none is given.
            dialogue: the records are turns of a conversation: those written before and after a record in
                its scope speak for it, and so does its speaker ("Alice: ..."); "hybrid" only.
            recency_weight: how much a record's age counts beside relevance, which weighs 1.
            importance_weight: how much a record's importance counts.
            half_life_days: age at which recency has halved.
            filters: search only among records that pass; see `agentmem.types.Filters`.
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
        """Search for each query, in parallel on all cores; one list of hits for each."""
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

    # Care

    def stats(self) -> Stats:
        """Say what the store is made of and takes."""
        return Stats(**self._store.stats())

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Compare everything that is derived with the records, and check SQLite's file.

        The report is true when all is sound, and lists what is not.
        """
        return VerifyReport(**self._store.verify(progress))

    def rebuild(self, progress: Progress | None = None) -> int:
        """Derive the full text and the index anew from the records; say how many there are.

        Then the room that deleted records left in the file is given back; for that, the disk must have room
        for a copy of it. If it has not, the file keeps its size.
        """
        return self._store.rebuild(progress)

    def backup(self, path: StorePath, progress: Progress | None = None) -> None:
        """Copy the store, in use or not, to a file that appears when it is whole. `progress` counts pages."""
        self._store.backup(path, progress)

    def export(
        self,
        file: LinesFile,
        progress: Progress | None = None,
        *,
        skip_damaged: bool = False,
        **filters: Unpack[Filters],
    ) -> int:
        """Write the records that pass the filters as JSON, one a line; say how many.

        Private records are left out unless `include_private=True` or their `source` is given. A file
        that is named by its path appears when it is whole; it may replace another, but no database. Raises
        StorePathError where it cannot be made, and CorruptStoreError at a record that is not what was
        written; with `skip_damaged` such records are left out, and logged.
        """
        with writable(file) as out:
            return self._store.export(out, skip_damaged, progress, **filters)

    def import_(
        self,
        file: LinesFile,
        on_conflict: OnConflict = "fail",
        progress: Progress | None = None,
    ) -> Imported:
        """Read records that `export` wrote, or any JSON objects with a record's fields, one a line.

        A file that can be read twice is looked through first, so that an error in it changes nothing. Then
        many lines go into one transaction, and what is in stays in: after a stop, or an error in a stream,
        run it again with `on_conflict="skip"`, which passes over ids that the store holds; "replace" replaces
        records. `progress` counts lines. Vectors come with the lines: the store's embedder is not asked.
        """
        with readable(file) as lines:
            if rereadable(lines):
                start = lines.tell()
                self._store.check_import(lines, on_conflict, None)
                lines.seek(start)
            return Imported(**self._store.import_(lines, on_conflict, progress))

    def close(self) -> None:
        """Write what pays to be written, and let the file go. A second close does nothing."""
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
        """Return the store itself: a copy remembers in the same place."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the store itself: a copy remembers in the same place."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path and the options; unpickling opens the file again."""
        return _reopened, (type(self), self._path, self._embedder, self._options)

    def __repr__(self) -> str:
        """Say which file, and whether it is closed."""
        return f"<{type(self).__name__} {self._path!r}{', closed' if self.closed else ''}>"

    # Inside

    def _embeds(self, mode: str) -> bool:
        return self._embedder is not None and mode in ("hybrid", "vector")

    def _vectors(self, texts: builtins.list[str]) -> builtins.list[Vector]:
        embed = cast("Embedder", self._embedder)
        vectors = builtins.list(embed(texts))
        if len(vectors) != len(texts):
            raise InvalidRecordError(f"the embedder gave {len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def _embedded(self, records: Iterable[NewRecord]) -> Iterable[NewRecord]:
        """Give each record that has no embedding one, if the store has an embedder."""
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
    """Open a store; the file is made if it is not there.

    Args:
        path: the file; if none is given, $AGENTMEM_PATH, else ./agentmem.db.
        pool_size: most reading connections at once.
        durability: "full": a returned add survives power loss; "normal": a killed process.
        index: "memory", or "disk" for small machines: nothing in memory, and the full text on disk answers.
        embedder: turns texts into vectors; used for what is added and for what is searched.
        read_only: never write; the file must be there.
        busy_timeout: seconds to wait for a lock or a connection before StoreBusyError.
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


def _absolute(path: StorePath | None) -> str:
    """The path as it is, were the working directory to change."""
    given = os.fspath(path) if path is not None else os.environ.get(PATH_VARIABLE) or DEFAULT_PATH
    if not isinstance(given, str):
        raise TypeError(f"path must be str or os.PathLike[str], not {type(given).__name__}")
    if given == ":memory:":
        raise StorePathError("a store is a file; for one that does not last, name one in a temporary folder")
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
