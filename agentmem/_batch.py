"""Batches: several writes in one transaction, all or nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar, cast

from typing_extensions import Self, Unpack

from agentmem import _calls, _core
from agentmem._core import Call, Record
from agentmem.errors import BatchError, InvalidRecordError
from agentmem.types import FiltersBesideIds, Names, NewRecord, OnConflict, RecordFields, Ttl, When

_Value = TypeVar("_Value")

Outcome = tuple[Any, int | None, bool]
"""What became of a call: its value, the version that it wrote, and whether it wrote anything."""


class BatchCall(Generic[_Value]):
    """One call of a batch. Once the batch is sent, it says what became of the call."""

    __slots__ = ("_call", "_outcome", "_value_of", "id")

    id: str | None
    """The id of the record, if the call is about one record. It is known at once."""

    def __init__(self, call: Call, id: str | None, value_of: Callable[[Any], _Value]) -> None:
        """Take the call, its record's id, and how its value is read from what the core returns."""
        self.id = id
        self._call = call
        self._value_of = value_of
        self._outcome: Outcome | None = None

    @property
    def value(self) -> _Value:
        """What the store's own method returns; None for `check`."""
        return self._value_of(self._result()[0])

    @property
    def version(self) -> int | None:
        """The version that the call wrote; None if it wrote no version of a record."""
        return self._result()[1]

    @property
    def written(self) -> bool:
        """Whether the call wrote or deleted anything. A record that was skipped was not written."""
        return self._result()[2]

    def _result(self) -> Outcome:
        if self._outcome is None:
            raise BatchError("the batch was not sent; it is sent when its block ends without an error")
        return self._outcome

    def __repr__(self) -> str:
        """Show the id, and the outcome if there is one."""
        outcome = "not sent" if self._outcome is None else f"value={self.value!r}, written={self.written}"
        return f"<{type(self).__name__} id={self.id!r}, {outcome}>"


class Collector:
    """Collects the calls of a batch. It belongs to one thread of one process."""

    def __init__(self) -> None:
        """Begin an empty batch."""
        self._calls: list[BatchCall[Any]] = []
        self._state = "new"  # then "open", inside the block, and "closed"
        self._owner = _current_thread()

    # Writing

    def add(
        self,
        content: NewRecord,
        *,
        ttl: Ttl | None = None,
        on_conflict: OnConflict = "fail",
        **fields: Unpack[RecordFields],
    ) -> BatchCall[str]:
        """As `MemoryStore.add`. `content` may be a Record or a dict of record fields, too."""
        return self._record(Call.add((_record(content, ttl, fields),), on_conflict))

    def put(
        self,
        content: NewRecord,
        *,
        ttl: Ttl | None = None,
        if_version: int | None = None,
        **fields: Unpack[RecordFields],
    ) -> BatchCall[str]:
        """As `MemoryStore.put`. `content` may be a Record or a dict of record fields, too."""
        return self._record(Call.add((_record(content, ttl, fields),), "replace", if_version))

    def update(
        self, /, id: str, *, ttl: Ttl | None = None, if_version: int | None = None, **changes: Any
    ) -> BatchCall[Record]:
        """As `MemoryStore.update`."""
        return self._collect(_calls.update(id, changes, ttl, if_version), id)

    def supersede(
        self,
        /,
        id: str,
        content: str,
        *,
        ttl: Ttl | None = None,
        if_version: int | None = None,
        **fields: Any,
    ) -> BatchCall[Record]:
        """As `MemoryStore.supersede`."""
        return self._collect(_calls.supersede(id, content, fields, ttl, if_version), id)

    def delete(
        self,
        ids: Names | None = None,
        *,
        if_version: int | None = None,
        **filters: Unpack[FiltersBesideIds],
    ) -> BatchCall[int]:
        """As `MemoryStore.delete`."""
        call = _calls.delete(ids, cast("dict[str, Any]", filters), if_version)
        return self._collect(call, ids if isinstance(ids, str) else None)

    def touch(
        self,
        ids: Names,
        *,
        scope: str | None = None,
        ttl: Ttl | None = None,
        expires_at: When | None = None,
    ) -> BatchCall[int]:
        """As `MemoryStore.touch`."""
        call = _calls.touch(ids, scope, ttl, expires_at)
        return self._collect(call, ids if isinstance(ids, str) else None)

    def check(self, id: str, *, if_version: int, scope: str | None = None) -> BatchCall[None]:
        """Require that a record has this version, 0 for no record, and write nothing.

        With `scope`, a record that is neither in it nor below counts as none.
        """
        return self._collect(Call.check(id, if_version, scope), id)

    def journal(self, name: str) -> BatchJournal:
        """Return the handle of a journal whose writes belong to this batch.

        Raises InvalidRecordError for a name that is not text of 1 to 1,024 bytes without NUL.
        """
        self._check_open()
        return BatchJournal(self._collect, _core.check_journal_name(name))

    # The block

    def _begin(self) -> None:
        self._check_owner()
        if self._state != "new":
            raise BatchError("a batch can be sent once; begin a new one with batch()")
        self._state = "open"

    def _end(self, failed: bool) -> list[BatchCall[Any]]:
        """The calls to send: none if the block failed."""
        if failed:
            self._state = "closed"
            return []
        self._check_open()
        self._state = "closed"
        return self._calls

    def _record(self, call: Call) -> BatchCall[str]:
        return self._collect(call, call.ids[0], _first)

    def _collect(
        self, call: Call, id: str | None = None, value_of: Callable[[Any], Any] = lambda value: value
    ) -> BatchCall[Any]:
        self._check_open()
        collected = BatchCall(call, id, value_of)
        self._calls.append(collected)
        return collected

    def _check_open(self) -> None:
        self._check_owner()
        if self._state == "new":
            raise BatchError("a batch collects calls inside its block: `with store.batch() as batch:`")
        if self._state == "closed":
            raise BatchError("the batch has ended; begin a new one with batch()")

    def _check_owner(self) -> None:
        if self._owner != _current_thread():
            raise BatchError("a batch belongs to the thread and the process that began it")

    def __reduce__(self) -> NoReturn:
        """Refuse copies: each would be sent."""
        raise BatchError("a batch can be neither copied nor pickled")


class Batch(Collector):
    """A batch of a MemoryStore: `with store.batch() as batch:`. It is sent when the block ends.

    An exception inside the block sends nothing. What calls require is checked against the store as it was
    before the batch; then the writes run in order. If one fails, nothing is written, and the error says by
    `at` which call it was.
    """

    def __init__(self, send: Callable[[list[Call]], list[Outcome]]) -> None:
        """Take the function that sends the calls."""
        super().__init__()
        self._send = send

    def __enter__(self) -> Self:
        """Begin the block."""
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send the calls."""
        calls = self._end(kind is not None)
        if calls:
            _settle(calls, self._send([call._call for call in calls]))


class AsyncBatch(Collector):
    """A batch of an AsyncMemoryStore: `async with store.batch() as batch:`. Calls inside are not awaited.

    Otherwise it is a `Batch`.
    """

    def __init__(self, send: Callable[[list[Call]], Awaitable[list[Outcome]]]) -> None:
        """Take the function that sends the calls."""
        super().__init__()
        self._send = send

    async def __aenter__(self) -> Self:
        """Begin the block."""
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send the calls."""
        calls = self._end(kind is not None)
        if calls:
            _settle(calls, await self._send([call._call for call in calls]))


class BatchJournal:
    """The handle of a journal whose writes belong to a batch."""

    def __init__(self, collect: Callable[..., BatchCall[Any]], name: str) -> None:
        """Take the function that collects calls, and the journal's name."""
        self._collect = collect
        self.name = name

    def append(self, value: Any, *, ttl: Ttl | None = None, if_last: int | None = None) -> BatchCall[int]:
        """As `Journal.append`."""
        return self._collect(Call.append(self.name, value, ttl, if_last), None, _first)

    def extend(
        self, values: Iterable[Any], *, ttl: Ttl | None = None, if_last: int | None = None
    ) -> BatchCall[list[int]]:
        """As `Journal.extend`."""
        return self._collect(Call.extend(self.name, values, ttl, if_last))

    def put(
        self, key: str, value: Any, *, ttl: Ttl | None = None, if_number: int | None = None
    ) -> BatchCall[int]:
        """As `Journal.put`."""
        return self._collect(Call.put_entry(self.name, key, value, ttl, if_number), None, _first)

    def delete(self, keys: Names | None = None, *, numbers: Iterable[int] | None = None) -> BatchCall[int]:
        """As `Journal.delete`."""
        return self._collect(Call.delete_entries(self.name, keys, numbers))

    def prune(self, *, keep: int | None = None, before: When | None = None) -> BatchCall[int]:
        """As `Journal.prune`."""
        return self._collect(Call.prune(self.name, keep, before))

    def clear(self, *, if_last: int | None = None) -> BatchCall[int]:
        """As `Journal.clear`."""
        return self._collect(Call.clear(self.name, if_last))

    def __repr__(self) -> str:
        """Show the name."""
        return f"<{type(self).__name__} {self.name!r}>"


def _record(content: NewRecord, ttl: Ttl | None, fields: RecordFields) -> NewRecord:
    if not isinstance(content, (Record, dict)):
        return Record(content, **_calls.expiring(cast("dict[str, Any]", fields), ttl))
    if fields or ttl is not None:
        raise InvalidRecordError("invalid record: fields go with text; a Record or a dict has its own")
    return content


def _settle(calls: list[BatchCall[Any]], outcomes: list[Outcome]) -> None:
    for call, outcome in zip(calls, outcomes, strict=True):
        call._outcome = outcome


def _first(values: list[Any]) -> Any:
    return values[0]


def _current_thread() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
