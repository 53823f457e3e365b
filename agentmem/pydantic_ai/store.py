"""The store of memory files."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import Mapping

from pydantic_ai_harness.memory import (
    MemoryConflictError,
    MemoryFile,
    MemoryMutation,
    MemoryOperation,
    MemoryOperationConflictError,
    MemorySearchResult,
)

from agentmem import Record
from agentmem._adapters import (
    Adapter,
    StoreOrPath,
    WithStore,
    clean,
    completed,
    journal_name,
    key_id,
    retry_on_conflict,
)
from agentmem.pydantic_ai.search import File, excerpts, find

_SCOPE = "/pydantic-ai"
_RECEIPTS = journal_name("pydantic-ai", "operations")
_RECEIPTS_LAST = 30 * 24 * 3600  # seconds
_FILES = {"path": {"$exists": True}}
_PART = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_LONGEST_METADATA = 4096


class AgentMemMemoryStore(WithStore):
    """A `MemoryStore` of the harness with search and metadata, durable, for many processes.

    Takes a path or an open `agentmem.MemoryStore`; `None` means the default path of `agentmem.open`. A
    mutation and the receipt of its operation are one transaction. The event loop is never blocked, and a
    mutation that has begun ends before a cancelled caller goes on.
    """

    def __init__(self, store: StoreOrPath = None) -> None:
        """Open the store."""
        self._adapter = Adapter(store)

    async def read(self, path: str, *, max_chars: int) -> MemoryFile | None:
        """Return the first `max_chars` characters of a file with its version; None if there is no file.

        Raises ValueError for a path that is not allowed, as all methods do.
        """
        _check(path)
        if max_chars <= 0:
            raise ValueError(f"max_chars must be positive, not {max_chars}")
        record = await asyncio.to_thread(self.store.get, _id(path))
        if record is None:
            return None
        content = _content(record)
        return MemoryFile(
            content=content[:max_chars],
            version=_version(record),
            operation_id=record.metadata["operation"],
            truncated=len(content) > max_chars,
            metadata=record.metadata["written"],
        )

    async def get_operation(self, operation: MemoryOperation) -> MemoryMutation | None:
        """Return what the mutation with this operation has done; None if there was none in the last 30 days.

        Raises MemoryOperationConflictError if the operation had other arguments.
        """
        return await asyncio.to_thread(self._receipt, operation)

    async def write(
        self,
        path: str,
        content: str,
        *,
        expected_version: str | None,
        operation: MemoryOperation | None = None,
    ) -> MemoryMutation:
        """Create or replace a file if it has the expected version; None means that there is no file.

        Otherwise MemoryConflictError is raised. A repeated operation changes nothing and returns its receipt.
        """
        return await self.write_with_metadata(
            path, content, expected_version=expected_version, metadata=None, operation=operation
        )

    async def write_with_metadata(
        self,
        path: str,
        content: str,
        *,
        expected_version: str | None,
        metadata: Mapping[str, str] | None,
        operation: MemoryOperation | None = None,
    ) -> MemoryMutation:
        """As `write`, and record metadata of this write: texts, at most 4,096 characters as JSON."""
        _check(path)
        new = _record(path, content, metadata, operation)
        return await completed(asyncio.to_thread(self._change, path, new, expected_version, operation))

    async def delete(
        self, path: str, *, expected_version: str | None, operation: MemoryOperation | None = None
    ) -> MemoryMutation:
        """Delete a file if it has the expected version, as `write` does."""
        _check(path)
        return await completed(asyncio.to_thread(self._change, path, None, expected_version, operation))

    async def list_paths(self, prefix: str = "", *, limit: int) -> list[str]:
        """Return the first `limit` paths that start with the prefix, sorted."""
        _check_prefix(prefix)
        if limit <= 0:
            raise ValueError(f"limit must be positive, not {limit}")
        files = await asyncio.to_thread(self._files, prefix)
        return [file.metadata["path"] for file in files[:limit]]

    async def search(
        self, prefix: str, query: str, *, limit: int, max_files: int, max_chars: int, max_file_chars: int
    ) -> MemorySearchResult:
        """Search the texts and the names of the files directly below the prefix.

        At most the first `max_files` files by path are searched, and of each the first `max_file_chars`
        characters. Names and snippets have at most `max_chars` characters together. A score is the relevance
        of the text, from 0 to 1, plus 1 for each word of the query in the name.
        """
        _check_prefix(prefix)
        if not query.split() or min(limit, max_files, max_chars, max_file_chars) <= 0:
            return MemorySearchResult(matches=[], scanned=0, truncated=False)
        return await asyncio.to_thread(
            self._search, prefix, query, limit, max_files, max_chars, max_file_chars
        )

    @retry_on_conflict
    def _change(
        self, path: str, new: Record | None, expected: str | None, operation: MemoryOperation | None
    ) -> MemoryMutation:
        """Put a new record in the place of a file, or delete the file, and keep the receipt."""
        # Read first: then a receipt of another call of the operation is there whenever its write is.
        old = self.store.get(_id(path))
        if operation is not None and (receipt := self._receipt(operation)) is not None:
            return receipt
        if (None if old is None else _version(old)) != expected:
            raise MemoryConflictError(f"memory file {path!r} does not have the version {expected!r}")
        version, existed = None if new is None else _version(new), old is not None
        with self.store.batch() as batch:
            number = 0 if old is None or old.version is None else old.version
            if new is not None:
                batch.put(new, if_version=number)
            elif old is not None:
                batch.delete(old.id, if_version=number)
            else:
                batch.check(_id(path), if_version=0)
            if operation is not None:
                kept = {"fingerprint": operation.fingerprint, "version": version, "existed": existed}
                batch.journal(_RECEIPTS).put(key_id(operation.id), kept, ttl=_RECEIPTS_LAST, if_number=0)
        return MemoryMutation(version=version, replayed=False, existed=existed)

    def _receipt(self, operation: MemoryOperation) -> MemoryMutation | None:
        kept = self.store.journal(_RECEIPTS).get(key_id(operation.id))
        if kept is None:
            return None
        if kept["fingerprint"] != operation.fingerprint:
            raise MemoryOperationConflictError(f"operation {operation.id!r} was used with other arguments")
        return MemoryMutation(version=kept["version"], replayed=True, existed=kept["existed"])

    def _files(self, prefix: str) -> list[Record]:
        """The files whose paths start with a prefix, sorted by path."""
        files = self.store.list(None, scope=_folder(prefix), where=_FILES)
        found = [file for file in files if file.metadata["path"].startswith(prefix)]
        return sorted(found, key=lambda file: str(file.metadata["path"]))

    def _search(
        self, prefix: str, query: str, limit: int, max_files: int, max_chars: int, max_file_chars: int
    ) -> MemorySearchResult:
        children = [
            record for record in self._files(prefix) if "/" not in record.metadata["path"][len(prefix) :]
        ]
        files = [_searchable(record, prefix, max_file_chars) for record in children[:max_files]]
        found = find(self.store, _folder(prefix), files, query)
        matches = excerpts(found[:limit], max_chars)
        truncated = len(files) < len(children) or len(matches) < len(found) or any(file.cut for file in files)
        return MemorySearchResult(matches=matches, scanned=len(files), truncated=truncated)


def _record(
    path: str, content: str, metadata: Mapping[str, str] | None, operation: MemoryOperation | None
) -> Record:
    """The record of a file. Its content is clean; a text that it cannot hold is kept as JSON too."""
    fields = {
        "path": path,
        "version": uuid.uuid4().hex,
        "operation": operation.id if operation else None,
        "written": _checked(metadata),
    }
    text = clean(content)
    if text != content:
        fields["exact"] = json.dumps(content)
    return Record(text, id=_id(path), scope=_folder(path), metadata=fields)


def _content(record: Record) -> str:
    """The text of a file as it was written, or as others have changed it."""
    exact = json.loads(record.metadata["exact"]) if "exact" in record.metadata else ""
    return exact if clean(exact) == record.content else record.content


def _version(record: Record) -> str:
    """The version of a file. It depends on the content too, so that changes by others are noticed."""
    digest = hashlib.blake2b(record.content.encode(), digest_size=8).hexdigest()
    return f"{record.metadata['version']}-{digest}"


def _searchable(record: Record, prefix: str, max_chars: int) -> File:
    path, content = record.metadata["path"], _content(record)
    return File(record.id, path, path[len(prefix) :], content[:max_chars], len(content) > max_chars)


def _id(path: str) -> str:
    return key_id("pydantic-ai", path)


def _folder(path: str) -> str:
    """The scope of the files in the folder of a path."""
    return "/".join([_SCOPE, *path.split("/")[:-1]])


def _check(path: str) -> None:
    """Refuse a path that the harness does not allow."""
    parts = path.split("/")
    if not all(_PART.fullmatch(part) and ".." not in part and part != "." for part in parts):
        raise ValueError(
            f"invalid memory path {path!r}: a part has 1 to 200 ASCII letters, digits, '_', '-', single dots"
        )


def _check_prefix(prefix: str) -> None:
    if prefix:
        _check(prefix.removesuffix("/"))


def _checked(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    """Metadata of a write, if there is any; what the harness does not allow is refused."""
    if not metadata:
        return None
    texts = [*metadata.keys(), *metadata.values()]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("keys and values of memory metadata must be text")
    if any("\0" in text for text in texts):
        raise ValueError("memory metadata must not contain NUL")
    size = len(json.dumps(dict(metadata), ensure_ascii=False, separators=(",", ":")))
    if size > _LONGEST_METADATA:
        raise ValueError(f"memory metadata has {size} characters as JSON, more than {_LONGEST_METADATA}")
    return dict(metadata)
