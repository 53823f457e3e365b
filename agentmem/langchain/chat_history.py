"""The messages of a chat, in a journal.

>>> from agentmem.langchain import AgentMemChatMessageHistory
>>> history = AgentMemChatMessageHistory("user-42", "memory.db")
>>> history.add_user_message("I moved to Ulm.")
>>> history.messages[0].content
'I moved to Ulm.'
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict

from agentmem import Record
from agentmem._adapters import Adapter, StoreOrPath, WithStore, clean, scope_part

CATEGORY = "chat"
"""The category of all records of messages."""


class AgentMemChatMessageHistory(WithStore, BaseChatMessageHistory):
    """The messages of one chat, exact, in order and durable, for many processes.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. With
    `remember=True`, what user and model say also becomes records of the category "chat", in a scope of the
    chat below `scope`, and `AgentMemRetriever(scope="/chats", dialogue=True)` finds it in all chats there.
    Give each user a scope, such as "/user/alice/chats": its chats are then its own, whatever their ids.
    """

    def __init__(
        self,
        session_id: str,
        store: StoreOrPath = None,
        *,
        remember: bool = False,
        scope: str = "/chats",
    ) -> None:
        """Open the store. `session_id` is any text. Raises InvalidRecordError if `scope` is not one."""
        super().__init__()
        self.session_id = session_id
        self._adapter = Adapter(store)
        self._remember = remember
        self._scope = Record("", scope=f"{scope}/{scope_part(session_id)}").scope
        self._name = self._scope.removeprefix("/")  # so that journal and records are in one space

    @property
    def messages(self) -> list[BaseMessage]:
        """All messages, oldest first. Those that are damaged on disk are left out."""
        entries = self.store.journal(self._name).read(skip_damaged=True)
        return list(messages_from_dict([entry.value for entry in entries]))

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages, all or none.

        Raises TypeError for what JSON cannot hold, and ValueError for a type of message that LangChain
        cannot read back.
        """
        values = [json.loads(json.dumps(message_to_dict(message))) for message in messages]
        records = [self._record(message) for message in messages_from_dict(values)]
        with self.store.batch() as batch:
            if values:
                batch.journal(self._name).extend(values)
            for record in records:
                if record is not None:
                    batch.add(record)

    def clear(self) -> None:
        """Delete the messages of this chat and what is remembered of it."""
        with self.store.batch() as batch:
            batch.journal(self._name).clear()
            batch.delete(scope=self._scope, categories=CATEGORY)

    def _record(self, message: Any) -> Record | None:
        """The record of a message, if it is to be remembered."""
        text = clean(str(message.text)) if message.type in ("human", "ai") else ""
        if not self._remember or not text.strip():
            return None
        return Record(text, scope=self._scope, categories=[CATEGORY], metadata={"role": message.type})
