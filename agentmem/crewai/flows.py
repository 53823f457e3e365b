"""The states of CrewAI's flows, in journals.

>>> from agentmem.crewai import AgentMemFlowPersistence
>>> flow = ReportFlow(persistence=AgentMemFlowPersistence("crew.db"))
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from crewai.flow.persistence.base import FlowPersistence
from pydantic import BaseModel

from agentmem import BatchCall, BatchJournal, Entry, Journal, MemoryStore
from agentmem._adapters import Adapter, StoreOrPath, retry_on_conflict, to_json

from ._storage import logged
from ._values import UnsupportedValueError, decode, encode, encode_fields

if TYPE_CHECKING:
    from crewai.flow.async_feedback.types import PendingFeedbackContext

_PREFIX = "flow/"
_PENDING = "pending"
_MOST_KNOWN = 1000  # flows whose newest state is remembered


class FlowState(NamedTuple):
    """A state of a flow, as it was after one of its methods."""

    number: int
    """The number of the entry in the flow's journal. Later states have greater numbers."""
    method: str
    state: dict[str, Any]
    saved_at: datetime


class _Newest(NamedTuple):
    """The newest state of a flow: the number of its entry, 0 for none, and a digest of the state."""

    number: int
    digest: bytes


class AgentMemFlowPersistence(FlowPersistence):
    """Keeps the newest `keep` states of each flow, and the feedback that a flow waits for.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Dates, UUIDs,
    decimals, bytes, tuples, sets, enums and pydantic models in a state come back as they were. Any other
    object raises an error that says where it is. A state that equals the last one, with the same types and
    the same order of keys, is not saved again.
    """

    persistence_type: str = "AgentMemFlowPersistence"
    path: str | None = None
    keep: int = 100

    def __init__(self, store: StoreOrPath = None, /, *, keep: int = 100, **fields: Any) -> None:
        """Open the store. Raises ValueError unless `keep` is at least 1."""
        if keep < 1:
            raise ValueError(f"keep is {keep}; at least the newest state must be kept")
        adapter = Adapter(store if store is not None else fields.get("path"))
        values = {"path": str(adapter.store.path), "keep": keep}
        # The base is a pydantic model from 1.14 on, and a plain class before.
        if issubclass(FlowPersistence, BaseModel):
            super().__init__(**{**fields, **values})
        for name, value in {**values, "_adapter": adapter, "_known": {}}.items():
            object.__setattr__(self, name, value)

    @property
    def store(self) -> MemoryStore:
        """The store of the states."""
        adapter: Adapter = object.__getattribute__(self, "_adapter")
        return adapter.store

    def close(self) -> None:
        """Close the store if this object opened it. It opens again when it is used."""
        adapter: Adapter = object.__getattribute__(self, "_adapter")
        adapter.close()

    def init_db(self) -> None:
        """Do nothing: the store is open."""

    @logged
    def save_state(self, flow_uuid: str, method_name: str, state_data: dict[str, Any] | BaseModel) -> None:
        """Save the state after a method. Raises TypeError for what cannot be kept, with its place."""
        state = _encoded(state_data)
        self._save(flow_uuid, method_name, state, _digest(state))

    @logged
    def load_state(self, flow_uuid: str) -> dict[str, Any] | None:
        """Return the newest state, or None."""
        entries = self._journal(flow_uuid).read(last=1)
        return dict(decode(entries[0].value["state"])) if entries else None

    @logged
    def save_pending_feedback(
        self, flow_uuid: str, context: PendingFeedbackContext, state_data: dict[str, Any] | BaseModel
    ) -> None:
        """Save the state, and what the flow waits for, in one transaction."""
        state = _encoded(state_data)
        with self.store.batch() as batch:
            journal = batch.journal(_PREFIX + flow_uuid)
            self._append(journal, context.method_name, state)
            journal.put(_PENDING, {"context": _context(context), "state": state})

    @logged
    def load_pending_feedback(self, flow_uuid: str) -> tuple[dict[str, Any], PendingFeedbackContext] | None:
        """Return the state and what the flow waits for, or None if it does not wait."""
        from crewai.flow.async_feedback.types import PendingFeedbackContext

        pending = self._journal(flow_uuid).get(_PENDING)
        if pending is None:
            return None
        return dict(decode(pending["state"])), PendingFeedbackContext.from_dict(decode(pending["context"]))

    @logged
    def clear_pending_feedback(self, flow_uuid: str) -> None:
        """Forget what the flow waited for. Its states stay."""
        self._journal(flow_uuid).delete(_PENDING)

    def flows(self, after: str | None = None, limit: int | None = None) -> list[str]:
        """Return the ids of the flows that have a state, sorted, those after `after` only."""
        name = None if after is None else _PREFIX + after
        names = self.store.journals(_PREFIX, after=name, limit=limit)
        return [name.removeprefix(_PREFIX) for name in names]

    def history(self, flow_uuid: str, last: int | None = None) -> list[FlowState]:
        """Return the states that are kept, oldest first, at most the `last` ones."""
        journal = self._journal(flow_uuid)
        return [_flow_state(entry) for entry in (journal.read() if last is None else journal.read(last=last))]

    def prune(
        self, flow_uuid: str | None = None, *, keep: int | None = None, before: datetime | None = None
    ) -> int:
        """Delete all but the newest `keep` states, or those saved before a moment, of one flow or of all.

        Returns how many were deleted.
        """
        flows = self.flows() if flow_uuid is None else [flow_uuid]
        return sum(self._journal(flow).prune(keep=keep, before=before) for flow in flows)

    def delete(self, flow_uuid: str) -> int:
        """Delete all that is kept of a flow. Returns how many entries were deleted."""
        return self._journal(flow_uuid).clear()

    @retry_on_conflict
    def _save(self, flow_uuid: str, method: str, state: Any, digest: bytes) -> None:
        """Write a state, unless the newest one equals it.

        What this object wrote last is not read again: the write itself checks that it is still the newest.
        """
        known: dict[str, _Newest] = object.__getattribute__(self, "_known")
        newest = known.pop(flow_uuid, None)
        if newest is None or newest.digest == digest:
            newest = self._newest(flow_uuid, newest)
        if newest.digest != digest:
            with self.store.batch() as batch:
                journal = batch.journal(_PREFIX + flow_uuid)
                written = self._append(journal, method, state, if_last=newest.number)
            newest = _Newest(written.value, digest)
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[flow_uuid] = newest

    def _append(
        self, journal: BatchJournal, method: str, state: Any, if_last: int | None = None
    ) -> BatchCall[int]:
        written = journal.append({"method": method, "state": state}, if_last=if_last)
        journal.prune(keep=self.keep)
        return written

    def _journal(self, flow_uuid: str) -> Journal:
        return self.store.journal(_PREFIX + flow_uuid)

    def _newest(self, flow_uuid: str, known: _Newest | None) -> _Newest:
        """The newest state in the store, which mostly is the known one."""
        entries = self._journal(flow_uuid).read(last=1)
        if not entries:
            return _Newest(0, b"")
        if known is not None and known.number == entries[0].number:
            return known
        return _Newest(entries[0].number, _digest(entries[0].value["state"]))


def _encoded(state: dict[str, Any] | BaseModel) -> Any:
    """A state as a journal keeps it. CrewAI makes the model of a structured state from its fields."""
    if isinstance(state, BaseModel):
        return encode_fields(state)
    if isinstance(state, Mapping):
        return encode(dict(state))
    raise TypeError(f"the state is a {type(state).__name__}; a flow's state is a dict or a pydantic model")


def _digest(state: Any) -> bytes:
    """A digest of an encoded state, with its types and the order of its keys, which comes back, too.

    Version 2 of marshal, unlike later ones, writes the same for equal objects, whoever else refers to them.
    """
    return blake2b(marshal.dumps(state, 2), digest_size=16).digest()


def _context(context: PendingFeedbackContext) -> Any:
    """What a flow waits for. An output that cannot be kept becomes text: the flow must be able to pause."""
    fields = context.to_dict()
    try:
        return encode(fields)
    except UnsupportedValueError:
        return to_json(fields)


def _flow_state(entry: Entry) -> FlowState:
    value = entry.value
    return FlowState(entry.number, value["method"], dict(decode(value["state"])), entry.written_at)
