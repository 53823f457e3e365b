"""Answers of language models that are used again.

>>> from langchain_core.globals import set_llm_cache
>>> from agentmem.langchain import AgentMemCache
>>> set_llm_cache(AgentMemCache("memory.db", ttl=86400))
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.messages import message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk

from agentmem import Journal
from agentmem._adapters import Adapter, StoreOrPath, WithStore, key_id
from agentmem.types import Ttl

_JOURNAL = "langchain/llm-cache"
_CLASSES = {
    kind.__name__: kind for kind in (Generation, GenerationChunk, ChatGeneration, ChatGenerationChunk)
}
# What a value raises that does not fit into JSON or does not come back from it.
_UNFIT = (KeyError, RecursionError, TypeError, ValueError)

log = logging.getLogger(__name__)


class AgentMemCache(WithStore, BaseCache):
    """A cache of language models' answers, for all processes that use the store.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. An answer is used
    for `ttl`, in seconds or as a timedelta; without it until `clear`. An answer that would not come back
    equal is not kept, which is logged.
    """

    def __init__(self, store: StoreOrPath = None, *, ttl: Ttl | None = None) -> None:
        """Open the store."""
        self._adapter = Adapter(store)
        self._ttl = ttl

    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        """Return the answer of this model to the prompt, or None."""
        found = self._journal().get(key_id(prompt, llm_string))
        try:
            return None if found is None else [_restored(value) for value in found]
        except _UNFIT as error:
            log.warning("a kept answer cannot be read: %s", error)
            return None

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep the answer of this model to the prompt."""
        try:
            values = [_to_value(generation) for generation in return_val]
            if [_restored(value) for value in values] != list(return_val):
                raise ValueError("it would not come back equal")
        except _UNFIT as error:
            log.warning("an answer cannot be kept: %s", error)
        else:
            self._journal().put(key_id(prompt, llm_string), values, ttl=self._ttl)

    def clear(self, **kwargs: Any) -> None:
        """Delete all answers."""
        self._journal().clear()

    def _journal(self) -> Journal:
        return self.store.journal(_JOURNAL)


def _to_value(generation: Any) -> dict[str, Any]:
    fields = generation.model_dump(exclude={"message"})
    if hasattr(generation, "message"):
        fields["message"] = message_to_dict(generation.message)
    value: dict[str, Any] = json.loads(json.dumps({"class": type(generation).__name__, "fields": fields}))
    return value


def _restored(value: dict[str, Any]) -> Generation:
    fields = dict(value["fields"])
    if "message" in fields:
        (fields["message"],) = messages_from_dict([fields["message"]])
    return _CLASSES[value["class"]](**fields)
