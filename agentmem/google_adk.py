"""The memory service of Google's Agent Development Kit.

>>> from google.adk.runners import Runner
>>> from agentmem.google_adk import AgentMemMemoryService
>>> runner = Runner(
...     app_name="app",
...     agent=agent,
...     session_service=sessions,
...     memory_service=AgentMemMemoryService("memory.db"),
... )

Importing this module also makes ADK understand the URI `agentmem:///path`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from agentmem import InvalidRecordError, Record
from agentmem._adapters import (
    Adapter,
    AsyncWithStore,
    StoreOrPath,
    clean,
    completed,
    distinct,
    key_id,
    require,
    retry_on_conflict,
    scope_part,
    to_json,
)

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.session import Session

require("google.adk.memory", extra="google-adk", package="google-adk", at_least="2.11", below="3")

from google.adk.cli.service_registry import get_service_registry
from google.adk.memory.base_memory_service import BaseMemoryService, SearchMemoryResponse
from google.adk.memory.memory_entry import MemoryEntry
from google.genai.types import Content, Part

_MOST_MEMORIES = 10
_SCHEME = "agentmem"


class AgentMemMemoryService(AsyncWithStore, BaseMemoryService):
    """The memories of users: events of their sessions, and memories that an agent adds itself.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Only the text of
    an event can be found; an event without text is no memory. Each memory is a record whose metadata is the
    `MemoryEntry`, in a scope of its application and user. A memory that was deleted does not come back when
    its session is added again.

    `custom_metadata` becomes part of each memory. Its key "ttl" says when it expires: a timedelta, or seconds
    as a number or as text such as "3600s".
    """

    def __init__(self, store: StoreOrPath = None) -> None:
        """Open the store."""
        self._adapter = Adapter(store)

    async def add_session_to_memory(self, session: Session) -> None:
        """Make the session's events its memories, all or none. Those of events that it lost are deleted."""
        user = (session.app_name, session.user_id)
        await completed(asyncio.to_thread(self._add_session, user, session.id, list(session.events)))

    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Add events to the memories of their session, all or none. An event with a known id is replaced."""
        add = asyncio.to_thread(
            self._add_events, (app_name, user_id), session_id, list(events), custom_metadata or {}
        )
        await completed(add)

    async def add_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Add memories, all or none. One with a known id is replaced; without an id, its content is its id.

        Raises InvalidRecordError for a memory without text.
        """
        add = asyncio.to_thread(
            self._add_memories, (app_name, user_id), list(memories), custom_metadata or {}
        )
        await completed(add)

    async def search_memory(self, *, app_name: str, user_id: str, query: str) -> SearchMemoryResponse:
        """Return the memories of the user that answer the query, best first: at most 10, or none."""
        return await asyncio.to_thread(self._search, (app_name, user_id), query)

    async def delete_memory(self, *, app_name: str, user_id: str, memory_id: str | None = None) -> None:
        """Delete the memory with this id, for good: events with this id are not added again."""
        if memory_id:
            await completed(asyncio.to_thread(self._delete, (app_name, user_id), distinct(memory_id)))

    def _add_session(self, user: tuple[str, str], session_id: str, events: list[Event]) -> None:
        place = (*user, "sessions", session_id)
        self._write(user, list(_event_records(place, events, {})), whole=_scope(*place))

    def _add_events(
        self,
        user: tuple[str, str],
        session_id: str | None,
        events: list[Event],
        custom_metadata: Mapping[str, object],
    ) -> None:
        place = (*user, "events") if session_id is None else (*user, "sessions", session_id)
        self._write(user, list(_event_records(place, events, custom_metadata)))

    @retry_on_conflict
    def _write(self, user: tuple[str, str], records: list[Record], whole: str | None = None) -> None:
        """Write records of events unless they were deleted. In the scope `whole`, no others remain."""
        store = self.store
        old: Sequence[Record | None] = store.get_many([record.id for record in records])
        if whole is not None:
            old = store.list(None, scope=whole, where={"id": {"$exists": True}})
        known = {record.id: record for record in old if record is not None}
        new = {r.id: r for r in records if r.id not in known or not _says(known[r.id], r)}
        tombstones = {record.id: _tombstone(user, record.metadata["id"]) for record in new.values()}
        deleted = {record.id for record in store.get_many(tombstones.values()) if record is not None}
        with store.batch() as batch:
            for id, record in new.items():
                if tombstones[id] not in deleted:
                    batch.check(tombstones[id], if_version=0)
                    batch.put(record, if_version=known[id].version if id in known else 0)
            if whole is not None:
                for id in known.keys() - {record.id for record in records}:
                    batch.delete(id, if_version=known[id].version)

    def _add_memories(
        self, user: tuple[str, str], memories: list[MemoryEntry], custom_metadata: Mapping[str, object]
    ) -> None:
        records = [_memory_record((*user, "memories"), memory, custom_metadata) for memory in memories]
        self.store.put_many(records)

    def _search(self, user: tuple[str, str], query: str) -> SearchMemoryResponse:
        hits = self._adapter.recall(query, _MOST_MEMORIES, _scope(*user))
        memories = [(_entry(hit.record), hit.record.content) for hit in hits]
        # An event may be in memory with its session and without.
        unique = {(memory.id, text): memory for memory, text in memories}
        return SearchMemoryResponse(memories=list(unique.values()))

    def _delete(self, user: tuple[str, str], memory_id: str) -> None:
        """Delete the memory, and leave a tombstone: an empty record, which no search finds."""
        with self.store.batch() as batch:
            batch.put("", id=_tombstone(user, memory_id), scope=_scope(*user, "deleted"))
            batch.delete(scope=_scope(*user), where={"id": memory_id})
            batch.delete(memory_id, scope=_scope(*user))


def _scope(*place: str) -> str:
    return "/".join(["/adk", *map(scope_part, place)])


def _tombstone(user: tuple[str, str], memory_id: str) -> str:
    return key_id("adk", *user, "deleted", memory_id)


def _entry(record: Record) -> MemoryEntry:
    """The memory of a record. One that the service did not store is a memory of its text."""
    if isinstance(record.metadata.get("content"), dict):
        return MemoryEntry.model_validate(record.metadata)
    content = Content(parts=[Part(text=record.content)])
    return MemoryEntry(id=record.id, content=content, timestamp=record.created_at.isoformat())


def _event_records(
    place: tuple[str, ...], events: Iterable[Event], custom_metadata: Mapping[str, object]
) -> Iterable[Record]:
    """The records of the events that have a text."""
    for event in events:
        if event.content is not None and _text(event.content):
            moment = _moment(event.timestamp)
            entry = MemoryEntry(
                id=event.id, content=event.content, author=event.author, timestamp=moment.isoformat()
            )
            yield _record(place, entry, custom_metadata, moment)


def _memory_record(
    place: tuple[str, ...], memory: MemoryEntry, custom_metadata: Mapping[str, object]
) -> Record:
    if not _text(memory.content):
        raise InvalidRecordError(f"invalid record: the memory {memory.id!r} has no text")
    id = memory.id or key_id(memory.author or "", memory.content.model_dump_json(exclude_none=True))
    try:
        moment = datetime.fromisoformat(memory.timestamp or "").astimezone()
    except (ValueError, OverflowError):
        moment = None  # any text may say when; the entry keeps it
    return _record(place, memory.model_copy(update={"id": id}), custom_metadata, moment)


def _record(
    place: tuple[str, ...],
    entry: MemoryEntry,
    custom_metadata: Mapping[str, object],
    created_at: datetime | None,
) -> Record:
    custom = {**custom_metadata, **entry.custom_metadata}
    entry = entry.model_copy(update={"id": distinct(str(entry.id))})
    metadata = entry.model_dump(mode="json", exclude_none=True, exclude={"custom_metadata"}, fallback=str)
    metadata = to_json({**metadata, "custom_metadata": custom} if custom else metadata)
    return Record(
        clean(_text(entry.content)),
        id=key_id("adk", *place, metadata["id"]),
        scope=_scope(*place),
        metadata=metadata,
        created_at=created_at,
        expires_at=_expiry(custom_metadata.get("ttl")),
    )


def _text(content: Content) -> str:
    """The text of a content, without the model's thoughts."""
    texts = [part.text for part in content.parts or () if part.text and not part.thought]
    return "\n".join(text for text in texts if text.strip())


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidRecordError(f"invalid record: the timestamp {seconds} of an event is no date") from error


def _expiry(ttl: Any) -> datetime | None:
    if ttl is None:
        return None
    seconds = ttl.removesuffix("s") if isinstance(ttl, str) else ttl
    lifetime = ttl if isinstance(ttl, timedelta) else timedelta(seconds=float(seconds))
    return datetime.now(timezone.utc) + lifetime


def _says(old: Record, new: Record) -> bool:
    """Whether `old` already says what `new` says; custom metadata that `new` does not give stays."""
    same = (old.content, old.created_at) == (new.content, new.created_at)
    return same and {**old.metadata, **new.metadata} == old.metadata


def _from_uri(uri: str, **options: Any) -> AgentMemMemoryService:
    """The service for `agentmem://PATH`; a path that begins with "/" is absolute, none is the default."""
    prefix, _, path = uri.partition("://")
    if prefix.lower() != _SCHEME:
        raise ValueError(f"the URI of a memory service is {_SCHEME}:///path, not {uri!r}")
    return AgentMemMemoryService(unquote(path) or None)


get_service_registry().register_memory_service(_SCHEME, _from_uri)
