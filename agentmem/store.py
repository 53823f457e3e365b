"""MemoryStore: the synchronous interface of a store."""

from __future__ import annotations

import builtins
import logging
import os
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal, cast

from typing_extensions import Self, Unpack

from agentmem import _calls, _core
from agentmem._batch import Batch, Outcome
from agentmem._core import Call, Hit, Journal, Record
from agentmem._duplicates import find_duplicates
from agentmem._embedding import StoreEmbedder, embed, embed_missing
from agentmem._files import LinesFile, readable, rereadable, writable
from agentmem.errors import InvalidFilterError, StorePathError
from agentmem.types import (
    Change,
    Changes,
    Embedder,
    Explanation,
    Filters,
    FiltersBesideIds,
    FiltersInScope,
    Imported,
    MigrationStatus,
    Mode,
    Names,
    NewRecord,
    OnConflict,
    Order,
    Progress,
    ScopeInfo,
    Stats,
    StorePath,
    Ttl,
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
        self._path = _absolute(path)
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
        ttl: Ttl | None = None,
        expires_at: When | None = None,
        on_conflict: OnConflict = "fail",
    ) -> str:
        """Store one record and return its id. As soon as `add` returns, searches in all processes find it.

        The record expires after `ttl` or at `expires_at`; give neither or one. If the store has a record with
        this id, DuplicateIdError is raised; with `on_conflict="skip"`, that record stays as it is. Raises
        InvalidRecordError if a field is invalid.
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
            expires_at=_core.expiry(ttl, expires_at),
            embedding=embedding,
        )
        return cast("str", self._write(Call.add((record,), on_conflict))[0])

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
        ttl: Ttl | None = None,
        expires_at: When | None = None,
        if_version: int | None = None,
    ) -> str:
        """Like `add`, but replace the record that has this id, with all its fields and its history.

        With `if_version`, ConflictError is raised unless the record has this version; 0 requires that the
        id is not in use.
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
            expires_at=_core.expiry(ttl, expires_at),
            embedding=embedding,
        )
        return cast("str", self._write(Call.add((record,), "replace", if_version))[0])

    def add_many(
        self, records: Iterable[NewRecord], *, on_conflict: OnConflict = "fail"
    ) -> builtins.list[str]:
        """Store texts, dicts of record fields and Records, all or nothing, and return their ids.

        With `on_conflict="skip"`, records whose ids are in use are left out, and so are all but the first of
        those with one id.
        """
        return self._written(records, on_conflict)

    def put_many(self, records: Iterable[NewRecord]) -> builtins.list[str]:
        """Like `add_many`, but replace records that have one of the ids."""
        return self._written(records, "replace")

    def update(
        self,
        /,
        id: str,
        *,
        ttl: Ttl | None = None,
        if_version: int | None = None,
        **changes: Any,
    ) -> Record:
        """Correct fields of a record and return the new record.

        All fields except `id` and `updated_at` can be changed. Metadata and categories are replaced, not
        merged. The expiry stays as it is unless `ttl` or `expires_at` is given; `expires_at=None` removes
        it. A private record can be changed by anyone who knows its id. Raises RecordNotFoundError if no
        record has the id, and ConflictError if the record does not have the version `if_version`.
        """
        return cast("Record", self._write(_calls.update(id, changes, ttl, if_version)))

    def supersede(
        self,
        /,
        id: str,
        content: str,
        *,
        ttl: Ttl | None = None,
        if_version: int | None = None,
        **fields: Any,
    ) -> Record:
        """Record that a fact has changed, and return the new version. `update` corrects a mistake instead.

        The record keeps its id and all fields that are not given, also `private` and `source`. The dates, the
        expiry and the embedding are set anew. The old version moves to the history. `created_at` is when the
        new fact began: now, or one microsecond after the old `created_at` if the clock is behind. Raises
        RecordNotFoundError if no record has the id, ConflictError if the record does not have the version
        `if_version`, and InvalidRecordError if `created_at` is earlier than the old one.
        """
        return cast("Record", self._write(_calls.supersede(id, content, fields, ttl, if_version)))

    def delete(
        self,
        ids: Names | None = None,
        *,
        if_version: int | None = None,
        **filters: Unpack[FiltersBesideIds],
    ) -> int:
        """Delete the records with these ids, or those that pass the filters, and return how many.

        With ids alone, private records are deleted too. With filters, only records that `list` would return
        with them are deleted. Without any argument, InvalidFilterError is raised; `ids=[]` deletes nothing.
        With `if_version`, which goes with one id and no filter, ConflictError is raised unless the record has
        this version.
        """
        return cast("int", self._write(_calls.delete(ids, cast("dict[str, Any]", filters), if_version)))

    def touch(self, ids: Names, *, ttl: Ttl | None = None, expires_at: When | None = None) -> int:
        """Set `last_accessed` of these records to now, and return how many there are.

        With `ttl` or `expires_at`, this also sets when they expire. No version changes.
        """
        return cast("int", self._write(_calls.touch(ids, ttl, expires_at)))

    def batch(self) -> Batch:
        """Begin a batch: several writes in one transaction, all or nothing.

            with store.batch() as batch:
                new = batch.put("Alice lives in Rome.", id="home", if_version=7)
                batch.journal("log").append({"moved": new.id})

        It is sent when the block ends; no lock is held before. See `agentmem.Batch`.
        """
        return Batch(self._send)

    def purge(self, scope: str | None = None) -> int:
        """Delete all records that have expired, in the scope or in the store, and return how many.

        Without a scope, entries of journals that have expired are deleted and counted too. Every write
        deletes some of what has expired anyway.
        """
        return self._store.purge(scope)

    def reset(self, scope: str | None = None, *, journals: bool = False) -> int:
        """Delete all records in the scope, or in the store, private ones too, and return how many.

        `journals=True` deletes all journals too; it goes with no scope, because journals are in none.
        """
        return self._store.reset(scope, journals)

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

    # Reading

    def get(self, id: str, *, at: When | None = None, **viewer: Unpack[Viewer]) -> Record | None:
        """Return the record with this id, or None if there is none or the caller may not see it.

        `at` is a moment: then it is the version that was current at that moment, by `created_at`.
        """
        if not isinstance(id, str):
            raise InvalidFilterError(f"invalid filter: id must be text, not {id!r} ({type(id).__name__})")
        if at is not None:
            return self._store.get_at(id, at, **_viewer(viewer))
        return self.get_many([id], **viewer)[0]

    def history(self, id: str, **viewer: Unpack[Viewer]) -> builtins.list[Record]:
        """Return all versions of a record that the caller may see, oldest first, the current one last.

        The list is empty if there is no such record. Versions that were corrected by `update` are not kept.
        A past version has no `expires_at`: it leaves with the current one.
        """
        return self._store.history(id, **_viewer(viewer))

    def get_many(self, ids: Names, **viewer: Unpack[Viewer]) -> builtins.list[Record | None]:
        """Return the record for each id, in order; None where there is none or the caller may not see it."""
        return self._store.get(ids, **_viewer(viewer))

    def list(
        self,
        limit: int | None = 100,
        offset: int = 0,
        *,
        order: Order = "newest",
        after: int | None = None,
        **filters: Unpack[Filters],
    ) -> builtins.list[Record]:
        """Return the records that pass the filters; `limit=None` returns all.

        `after` goes with `order="written"` and returns records with a higher version. A reader that passes
        the last version it has seen misses no write, and every page costs the same.
        """
        return self._store.list(limit, offset, order, after, **filters)

    def count(self, **filters: Unpack[Filters]) -> int:
        """Return how many records pass the filters."""
        return self._store.count(**filters)

    def scopes(
        self,
        parent: str = "/",
        *,
        recursive: bool = False,
        after: str | None = None,
        limit: int | None = None,
        **viewer: Unpack[Viewer],
    ) -> builtins.list[str]:
        """Return the immediate child scopes that have records in or below them, sorted.

        With `recursive=True`, return every scope at or below `parent` that has records itself. Pages begin
        behind the scope `after`.
        """
        return self._store.scopes(parent, recursive, after, limit, **_viewer(viewer))

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
        offset: int = 0,
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
            offset: leave out this many of the best hits.
            mode: "hybrid" (BM25, then a second stage that reads the best candidates), "bm25", "tfidf"
                (cosine; exact for the 200 records that an estimate ranks first), or "vector" (cosine of
                embeddings).
            min_score: leave out hits with a lower score. In mode "hybrid" the score estimates the
                probability that a reader calls the record relevant, and `hit.explain["answered"]` the
                probability that any hit is relevant.
            vector: the embedding of the query. Without it, the store's embedder makes it, if there is one.
            dialogue: the records are turns of a conversation. A turn's neighbours in its scope and the name
                of its speaker ("Alice: ...") raise its score. For mode "hybrid" only.
            recency_weight: the weight of a record's recency; the weight of relevance is 1.
            importance_weight: the weight of a record's importance.
            half_life_days: the age at which recency is 0.5.
            filters: search only records that pass; see `agentmem.types.Filters`.
        """
        (vector,), name = self._query_vectors([query], None if vector is None else [vector], mode)
        blend = (recency_weight, importance_weight, half_life_days)
        return self._store.search(
            query, limit, offset, mode, min_score, vector, name, dialogue, blend, **filters
        )

    def search_many(
        self,
        queries: Iterable[str],
        limit: int = 10,
        *,
        offset: int = 0,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        vectors: Iterable[Vector | None] | None = None,
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
        given, name = self._query_vectors(queries, given, mode)
        blend = (recency_weight, importance_weight, half_life_days)
        return self._store.search_many(
            queries, limit, offset, mode, min_score, given, name, dialogue, blend, **filters
        )

    def explain(
        self,
        query: str,
        id: str,
        limit: int = 10,
        *,
        offset: int = 0,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
        vector: Vector | None = None,
        dialogue: bool = False,
        recency_weight: float = 0.0,
        importance_weight: float = 0.0,
        half_life_days: float = 30.0,
        **filters: Unpack[Filters],
    ) -> Explanation:
        """Return why a record is a hit of the search with these arguments, or why not.

        It costs two or three searches. Raises RecordNotFoundError if there is no such record that the
        viewer may see.
        """
        (vector,), name = self._query_vectors([query], None if vector is None else [vector], mode)
        blend = (recency_weight, importance_weight, half_life_days)
        explained = self._store.explain(
            query, id, limit, offset, mode, min_score, vector, name, dialogue, blend, **filters
        )
        return Explanation(**explained)

    def changes(
        self,
        after: str | None = None,
        limit: int = 1000,
        *,
        scope: str | None = None,
        **viewer: Unpack[Viewer],
    ) -> Changes:
        """Return writes and deletions by any process since a cursor, in order.

        `after=None` begins with the oldest record; `changes(limit=0).cursor` is the current position.
        Touches and expiry do not appear. Writes of private records appear to those who may see the records.
        In a store in PostgreSQL that has spaces, the changes are those of the space that holds `scope`.
        """
        items, cursor, complete = self._store.changes(after, limit, scope, **_viewer(viewer))
        changes = [
            Change(kind, version, None if record is None else record.id, record)
            for kind, version, record in items
        ]
        return Changes(changes, cursor, complete)

    def duplicates(
        self, min_score: float = 1.0, limit: int = 100, **filters: Unpack[Filters]
    ) -> builtins.list[builtins.list[Record]]:
        """Return groups of records of one scope that say the same, oldest first.

        At 1.0, a group has records with identical text. Below, it also has those whose TF-IDF cosine with
        the oldest of the group is at least `min_score`. A private record is in one group only with private
        records of its source. Time: one pass over the records that pass the filters; below 1.0, one search
        for each of their texts.
        """
        return find_duplicates(self, min_score, limit, filters)

    # Journals

    def journal(self, name: str) -> Journal:
        """Return the handle of a journal: values kept exactly and in order, and never searched.

        It reads and writes nothing. Raises InvalidRecordError for a name that is not text of 1 to 1,024 bytes
        without NUL.
        """
        return self._store.journal(name)

    def journals(
        self, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> builtins.list[str]:
        """Return the names of the journals with at least one entry, sorted.

        `prefix` matches characters: end it with "/" to find what is below a name. `after` and `limit` make
        pages.
        """
        return self._store.journals(prefix, after, limit)

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
        """Build the full text and the index again from the records, and return the number of records.

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
        return f"<{type(self).__name__} {self._path!r}{', closed' if self.closed else ''}>"

    # Internal

    def _written(self, records: Iterable[NewRecord], on_conflict: OnConflict) -> builtins.list[str]:
        return cast("builtins.list[str]", self._write(_calls.add_many(records, on_conflict)))

    def _write(self, call: Call) -> Any:
        """Execute one call, and return its value."""
        if self._embedder is not None:
            embed(self._embedder, (call,))
        return self._store.write(call)

    def _send(self, calls: builtins.list[Call]) -> builtins.list[Outcome]:
        """Execute the calls of a batch."""
        if self._embedder is not None:
            embed(self._embedder, calls)
        return self._store.batch(calls)

    def _query_vectors(
        self,
        queries: builtins.list[str],
        given: builtins.list[Vector | None] | None,
        mode: str,
    ) -> tuple[builtins.list[Vector | None], str | None]:
        """The vectors of the queries, and the name of the embedder that made them."""
        if given is not None:
            return given, None
        if self._embedder is None and mode == "vector":
            raise InvalidFilterError(
                'invalid filter: mode "vector" needs vector=..., or a store with an embedder'
            )
        texts = all(isinstance(query, str) for query in queries)
        if self._embedder is None or not texts or mode not in ("hybrid", "vector"):
            return [None] * len(queries), None
        return self._embedder.queries(queries), self._embedder.name


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


def migration_status(path: StorePath) -> MigrationStatus:
    """Return the schema version of a store and the missing migrations. Nothing is written."""
    return MigrationStatus(**_core.migration_status(path))


def migrate(url: str, *, space_depth: int | None = None, partitions: int | None = None) -> MigrationStatus:
    """Make the tables of a store in PostgreSQL, or bring them to the newest schema, in one transaction.

    Return the state before. This needs the right to create tables; using the store does not. A file needs no
    such call: it is migrated when it is opened.

        space_depth: how many parts of a scope name a space, which is as much as one file holds: 1 unless the
            store exists. With 0, the whole store is one space. It cannot be changed later.
        partitions: into how many partitions each table is divided: 64 unless the store exists, 0 for none.
    """
    return MigrationStatus(**_core.migrate(url, space_depth, partitions))


def _absolute(path: StorePath | None) -> str:
    """The absolute path, so that a later change of the working directory does not matter."""
    given = os.fspath(path) if path is not None else os.environ.get(PATH_VARIABLE) or DEFAULT_PATH
    if not isinstance(given, str):
        raise TypeError(f"path must be str or os.PathLike[str], not {type(given).__name__}")
    if given == ":memory:":
        raise StorePathError(
            "a store is a file, ':memory:' is none; for a temporary store, use a file in a temporary folder"
        )
    if is_url(given):
        return given
    try:
        return os.path.abspath(given) if given else given
    except OSError as error:  # the working directory is gone
        raise StorePathError(error.errno, error.strerror, given) from error


def is_url(path: str) -> bool:
    """Whether a store of this name is in a database."""
    return path.startswith(("postgresql://", "postgres://"))


def _viewer(viewer: Viewer) -> dict[str, Any]:
    return {"source": None, "include_private": False, **viewer}


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
