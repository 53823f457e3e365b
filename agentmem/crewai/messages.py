"""Messages between agents, in journals: one for each conversation.

>>> from agentmem.crewai import AgentMessage, MessageLog
>>> log = MessageLog("crew.db")
>>> number = log.append(AgentMessage("analyst", "writer", "The figures are ready."), conversation="report")
>>> [message.content for message in log.read(conversation="report")]
['The figures are ready.']
"""

from __future__ import annotations

import heapq
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from operator import attrgetter
from typing import Any

from agentmem import Entry, InvalidFilterError, InvalidRecordError
from agentmem._adapters import Adapter

_PREFIX = "messages/"


@dataclass(frozen=True)
class AgentMessage:
    """A message from one agent to another. Raises InvalidRecordError for fields of the wrong type."""

    sender: str
    recipient: str
    content: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    timestamp: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    """When it was sent. A time without a zone is in UTC."""

    def __post_init__(self) -> None:
        """Check the types, and give the timestamp a zone."""
        for name in ("sender", "recipient", "content", "id"):
            if not isinstance(value := getattr(self, name), str):
                raise InvalidRecordError(f"{name} is {value!r}; it must be text")
        if not isinstance(self.timestamp, datetime):
            raise InvalidRecordError(f"timestamp is {self.timestamp!r}; it must be a datetime")
        if self.timestamp.tzinfo is None:
            object.__setattr__(self, "timestamp", self.timestamp.replace(tzinfo=timezone.utc))

    def to_json(self) -> str:
        """Return the message as a JSON object with the fields' names, the timestamp in ISO 8601."""
        return json.dumps(self._fields(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> AgentMessage:
        """Read what `to_json` returned. Raises InvalidRecordError for anything else."""
        try:
            fields = json.loads(text)
        except (TypeError, ValueError) as error:
            raise InvalidRecordError(f"the message is not JSON: {error}") from error
        return _message(fields)

    def _fields(self) -> dict[str, str]:
        return {**asdict(self), "timestamp": self.timestamp.isoformat()}


class MessageLog(Adapter):
    """The messages of conversations, in the order in which they were appended.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`.
    """

    def append(self, message: AgentMessage, conversation: str = "default") -> int:
        """Append a message to a conversation. Returns its number; later messages have greater numbers."""
        if not isinstance(message, AgentMessage):
            raise InvalidRecordError(f"{message!r} is not an AgentMessage")
        return self.store.journal(_PREFIX + conversation).append(message._fields())

    def read(
        self,
        *,
        conversation: str | None = None,
        agent: str | None = None,
        since: datetime | None = None,
    ) -> list[AgentMessage]:
        """Return messages in the order in which they were appended.

        `conversation` takes one conversation instead of all, `agent` what this agent sent or received, and
        `since` what has this timestamp or a later one (a time without a zone is in UTC).
        """
        if since is not None and not isinstance(since, datetime):
            raise InvalidFilterError(f"since must be a datetime, not {since!r}")
        if since is not None and since.tzinfo is None:
            since = since.replace(tzinfo=timezone.utc)
        messages = (_message(entry.value) for entry in self._entries(conversation))
        return [
            message
            for message in messages
            if (agent is None or agent in (message.sender, message.recipient))
            and (since is None or message.timestamp >= since)
        ]

    def conversations(self) -> list[str]:
        """Return the names of the conversations, sorted."""
        return [name.removeprefix(_PREFIX) for name in self.store.journals(_PREFIX)]

    def _entries(self, conversation: str | None) -> Iterator[Entry]:
        names = self.conversations() if conversation is None else [conversation]
        journals = [self.store.journal(_PREFIX + name).read() for name in names]
        return heapq.merge(*journals, key=attrgetter("number"))


def _message(fields: Any) -> AgentMessage:
    try:
        return AgentMessage(**{**fields, "timestamp": datetime.fromisoformat(fields["timestamp"])})
    except (TypeError, KeyError, ValueError) as error:
        raise InvalidRecordError(f"this is not a message: {fields!r}") from error
