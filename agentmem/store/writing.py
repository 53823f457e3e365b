"""Writing, correcting and deleting records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from typing_extensions import Unpack

from agentmem import _calls, _core
from agentmem._batch import Batch, Outcome
from agentmem._core import Call, Record
from agentmem._embedding import embed
from agentmem.store.part import StorePart
from agentmem.types import FiltersBesideIds, Names, NewRecord, OnConflict, Ttl, Vector, When


class Writing(StorePart):
    """The methods of a store that write records."""

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

    def add_many(self, records: Iterable[NewRecord], *, on_conflict: OnConflict = "fail") -> list[str]:
        """Store texts, dicts of record fields and Records, all or nothing, and return their ids.

        With `on_conflict="skip"`, records whose ids are in use are left out, and so are all but the first of
        those with one id.
        """
        return self._written(records, on_conflict)

    def put_many(self, records: Iterable[NewRecord]) -> list[str]:
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

        `scope` is where the record is afterwards. In PostgreSQL it also tells the space of the record, which
        a record cannot leave; without it, InvalidFilterError is raised if several spaces have the id.
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
        `if_version`, and InvalidRecordError if `created_at` is earlier than the old one. `scope` is that of
        `update`.
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
        this version. In PostgreSQL, ids are looked up in the space of `scope`; without it, InvalidFilterError
        is raised if several spaces have one.
        """
        return cast("int", self._write(_calls.delete(ids, cast("dict[str, Any]", filters), if_version)))

    def touch(
        self,
        ids: Names,
        *,
        scope: str | None = None,
        ttl: Ttl | None = None,
        expires_at: When | None = None,
    ) -> int:
        """Set `last_accessed` of these records to now, and return how many there are.

        With `ttl` or `expires_at`, this also sets when they expire. No version changes. `scope` is that of
        `get`.
        """
        return cast("int", self._write(_calls.touch(ids, scope, ttl, expires_at)))

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

    def _written(self, records: Iterable[NewRecord], on_conflict: OnConflict) -> list[str]:
        return cast("list[str]", self._write(_calls.add_many(records, on_conflict)))

    def _write(self, call: Call) -> Any:
        """Execute one call, and return its value."""
        if self._embedder is not None:
            embed(self._embedder, (call,))
        return self._store.write(call)

    def _send(self, calls: list[Call]) -> list[Outcome]:
        """Execute the calls of a batch."""
        if self._embedder is not None:
            embed(self._embedder, calls)
        return self._store.batch(calls)
