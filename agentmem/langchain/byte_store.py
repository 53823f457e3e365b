"""Bytes by key, in the map of a journal.

>>> from agentmem.langchain import AgentMemByteStore
>>> files = AgentMemByteStore("memory.db", namespace="files")
>>> files.mset([("a/b.txt", b"text")])
>>> files.mget(["a/b.txt", "missing"])
[b'text', None]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langchain_core.stores import ByteStore

from agentmem import Journal
from agentmem._adapters import Adapter, StoreOrPath, WithStore, journal_name

_PAGE = 1000


class AgentMemByteStore(WithStore, ByteStore):
    """LangChain's key-value store, such as for `CacheBackedEmbeddings` and parent documents.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. A namespace, any
    text, has keys of its own. A key is text of at most 1,024 bytes without NUL; others raise
    InvalidRecordError.
    """

    def __init__(self, store: StoreOrPath = None, *, namespace: str = "default") -> None:
        """Open the store."""
        self._adapter = Adapter(store)
        self._name = journal_name("langchain", "bytes", namespace)

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value of each key, None for a key without one. All values are of one moment."""
        found = self._journal().get_many(keys)
        return [found[key].value if key in found else None for key in keys]

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """Set values, all or none. Raises TypeError for a value that is not bytes."""
        values = {key: bytes(memoryview(value)) for key, value in key_value_pairs}
        with self.store.batch() as batch:
            journal = batch.journal(self._name)
            for key, value in values.items():
                journal.put(key, value)

    def mdelete(self, keys: Sequence[str]) -> None:
        """Delete keys. Those that are missing are no error."""
        self._journal().delete(keys)

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        """Yield the keys that begin with the prefix, sorted, a page of 1,000 at a time."""
        after = None
        while page := self._journal().keys(prefix or "", after=after, limit=_PAGE):
            yield from page
            after = page[-1]

    def _journal(self) -> Journal:
        return self.store.journal(self._name)
