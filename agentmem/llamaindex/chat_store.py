"""The messages of chats, in journals: one for what is active, one for what is archived."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from pydantic import PrivateAttr

from agentmem import InvalidFilterError, Journal
from agentmem._adapters import Adapter, StoreOrPath, WithStore, completed, journal_name, retry_on_conflict

_ROOT = "llamaindex"
_ORDER = (MessageStatus.ARCHIVED, MessageStatus.ACTIVE)


class AgentMemChatStore(WithStore, AsyncDBChatStore):
    """A chat store for LlamaIndex's `Memory`: exact messages, durable, for many processes.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. A key is any
    text. What is read leaves out damaged messages; moving messages raises CorruptStoreError if one is
    damaged.
    """

    _adapter: Adapter = PrivateAttr()

    def __init__(self, store: StoreOrPath = None) -> None:
        """Open the store."""
        super().__init__()
        self._adapter = Adapter(store)

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        """Return the messages with this status, oldest first; without a status, archived ones first.

        Raises InvalidFilterError for a negative limit or offset.
        """
        return _messages(await asyncio.to_thread(self._read, key, status, limit, offset or 0))

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """Return how many messages have this status."""
        return len(await asyncio.to_thread(self._read, key, status, None, 0))

    async def add_message(
        self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Append a message."""
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Append messages, all or none. Raises ValueError for what JSON cannot hold."""
        values = _values(key, messages)
        await completed(asyncio.to_thread(lambda: self._journal(key, status).extend(values)))

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Replace all messages of the key, archived ones too, in one transaction."""
        await completed(asyncio.to_thread(self._set, key, status, _values(key, messages)))

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete and return the active message at this position; None if there is none."""
        taken = await completed(asyncio.to_thread(self._take, key, idx, 1)) if idx >= 0 else []
        return _messages(taken)[0] if taken else None

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Delete the messages with this status; without a status, all of the key."""
        await completed(asyncio.to_thread(self._clear, key, status))

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Delete and return the oldest active messages. Two callers never get the same."""
        return _messages(await completed(asyncio.to_thread(self._take, key, 0, n)))

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Archive and return the oldest active messages. Two callers never get the same."""
        return _messages(await completed(asyncio.to_thread(self._take, key, 0, n, archive=True)))

    async def get_keys(self) -> list[str]:
        """Return the keys that have messages, sorted."""
        return await asyncio.to_thread(self._keys)

    @classmethod
    def class_name(cls) -> str:
        """The name by which LlamaIndex knows the class."""
        return "AgentMemChatStore"

    def _journal(self, key: str, status: MessageStatus) -> Journal:
        return self.store.journal(_name(key, status))

    def _read(self, key: str, status: MessageStatus | None, limit: int | None, offset: int) -> list[Any]:
        if min(offset, limit or 0) < 0:
            raise InvalidFilterError(f"limit and offset must not be negative: {limit}, {offset}")
        last = None if limit is None else offset + limit
        values: list[Any] = []
        for each in _ORDER if status is None else [status]:
            wanted = None if last is None else last - len(values)
            values += [
                entry.value for entry in self._journal(key, each).read(limit=wanted, skip_damaged=True)
            ]
        return values[offset:]

    def _set(self, key: str, status: MessageStatus, values: list[Any]) -> None:
        with self.store.batch() as batch:
            for each in _ORDER:
                batch.journal(_name(key, each)).clear()
            batch.journal(_name(key, status)).extend(values)

    def _clear(self, key: str, status: MessageStatus | None) -> None:
        with self.store.batch() as batch:
            for each in _ORDER if status is None else [status]:
                batch.journal(_name(key, each)).clear()

    @retry_on_conflict
    def _take(self, key: str, start: int, n: int, archive: bool = False) -> list[Any]:
        """Remove `n` active messages from `start` on, and return their values.

        The others are written anew, so that the number of the newest entry tells that the log has changed.
        """
        entries = self._journal(key, MessageStatus.ACTIVE).read()
        values = [entry.value for entry in entries]
        taken = values[start : start + max(n, 0)]
        if taken:
            with self.store.batch() as batch:
                active = batch.journal(_name(key, MessageStatus.ACTIVE))
                active.clear(if_last=entries[-1].number)
                active.extend(values[:start] + values[start + len(taken) :])
                if archive:
                    batch.journal(_name(key, MessageStatus.ARCHIVED)).extend(taken)
        return taken

    def _keys(self) -> list[str]:
        journals = map(self.store.journal, self.store.journals(f"{_ROOT}/"))
        newest = (journal.read(last=1, skip_damaged=True) for journal in journals)
        return sorted({entry.value["key"] for entries in newest for entry in entries})


def _name(key: str, status: MessageStatus) -> str:
    return journal_name(_ROOT, key, status.value)


def _values(key: str, messages: Iterable[ChatMessage]) -> list[Any]:
    return [{"key": key, "message": message.model_dump(mode="json")} for message in messages]


def _messages(values: Iterable[Any]) -> list[ChatMessage]:
    return [ChatMessage.model_validate(value["message"]) for value in values]
