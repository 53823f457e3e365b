"""What the adapters for agent frameworks share.

An adapter is one file per interface of a framework, over the public interface of agentmem.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import math
import os
import re
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib import import_module
from importlib import metadata as packages
from types import ModuleType, TracebackType
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from typing_extensions import Self

import agentmem
from agentmem import ConflictError, Hit, MemoryStore, Record, _excerpt
from agentmem.store.path import DEFAULT_PATH, PATH_VARIABLE, is_url

StoreOrPath = MemoryStore | str | os.PathLike[str] | None
"""What adapters take: an open store, a path, or `None` for the default path of `agentmem.open`."""

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

_NAMESPACE = uuid.UUID("0f0e3f0a-5d0b-5b0e-8f5c-6f2d1c7e9a42")
_DEEPEST = 64
_LONGEST_PART = 200
_PLAIN = re.compile(r"[\w:@-]{1,200}", re.ASCII)
_MOST_ATTEMPTS = 1000
# So that one long memory does not fill a prompt. What is shown of it begins this much before the passage.
_LONGEST_EXCERPT = 4000
_BEFORE = 200

# What `relevant` keeps. Chosen on the 760 questions of LoCoMo's development half: of ten hits 4, with four
# fifths of the evidence; of as many questions about another conversation, nothing in 7 of 8 cases.
_ANSWERED = 0.35
_LEAST_SCORE = 0.04


class Adapter:
    """A store behind an interface of a framework. It closes the store only if it opened it."""

    def __init__(self, store: StoreOrPath = None) -> None:
        """Open the store now, so that a bad path raises here and not in the framework later."""
        self._owned = not isinstance(store, MemoryStore)
        self._store = store if isinstance(store, MemoryStore) else _join(self, store)

    @property
    def store(self) -> MemoryStore:
        """The store. One that the adapter closed is opened again."""
        if self._owned and self._store.closed:
            self._store = _join(self, self._store.path)
        return self._store

    def close(self) -> None:
        """Close the store if the adapter opened it and no other uses it. It opens again when it is used."""
        if self._owned:
            _leave(self, self._store)

    def remember(self, records: Iterable[Record]) -> None:
        """Add those of the records that are not there, all or none."""
        self.store.add_many(records, on_conflict="skip")

    def recall(self, query: str, limit: int, scope: str) -> list[Hit]:
        """The memories of a scope that earn a place in a prompt, best first; see `relevant`."""
        return relevant(self.store.search(clean(query), limit, scope=scope))

    def __copy__(self) -> Adapter:
        """Return the adapter itself, so that a copy uses the same store."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Adapter:
        """Return the adapter itself, so that a copy uses the same store."""
        return self


class _HasStore:
    """A class of a framework over the store behind `_adapter`."""

    _adapter: Adapter

    @property
    def store(self) -> MemoryStore:
        """The store. One that was closed here is opened again."""
        return self._adapter.store


class WithStore(_HasStore):
    """Gives a class of a framework `store` and `close`. The class sets `_adapter`."""

    def close(self) -> None:
        """Close the store if it was opened here. It opens again when it is used."""
        self._adapter.close()


class AsyncWithStore(_HasStore):
    """As `WithStore`, with `close` as a coroutine, and closed at the end of an `async with` block."""

    async def close(self) -> None:
        """Close the store if it was opened here. It opens again when it is used."""
        await asyncio.to_thread(self._adapter.close)

    async def __aenter__(self) -> Self:
        """Return the object itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()


# Adapters on one file share a store: its writers share transactions, writers of several stores wait in turn.
# Those on one database share its connections and indexes.
_stores: WeakValueDictionary[tuple[int, int] | str | None, MemoryStore] = WeakValueDictionary()
_users: WeakKeyDictionary[MemoryStore, WeakValueDictionary[int, Adapter]] = WeakKeyDictionary()
_sharing = threading.Lock()


def _join(adapter: Adapter, path: str | os.PathLike[str] | None) -> MemoryStore:
    """The open store of the file or database, or a new one."""
    with _sharing:
        store = _stores.get(_identity(path))
        if store is None or store.closed:
            store = agentmem.open(path)
            if (identity := _identity(store.path)) is not None:
                _stores[identity] = store
        _users.setdefault(store, WeakValueDictionary())[id(adapter)] = adapter
        return store


def _leave(adapter: Adapter, store: MemoryStore) -> None:
    """Close the store, unless another adapter uses it."""
    with _sharing:
        users = _users[store]
        users.pop(id(adapter), None)
        if not users:
            store.close()


def _identity(path: str | os.PathLike[str] | None) -> tuple[int, int] | str | None:
    """What tells a file from all others, also from a deleted one of its name; None if there is no file.

    A database is told by its URL.
    """
    given = path if path is not None else os.environ.get(PATH_VARIABLE) or DEFAULT_PATH
    if isinstance(given, str) and is_url(given):
        return given
    try:
        found = os.stat(given)
    except (OSError, TypeError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _forget_locks() -> None:
    """Begin with a free lock in a forked process, where the thread that held it does not exist."""
    global _sharing
    _sharing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


def key_id(*parts: str) -> str:
    """A stable record id for a key of several parts, any text. Different lists of parts give different ids.

    It is a UUID of version 5 (RFC 9562) of the parts as JSON.
    """
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts)))


def contains(outer: str, inner: str) -> bool:
    """Whether the scope `inner` is `outer` or below it."""
    return outer in ("/", inner) or inner.startswith(outer + "/")


def scope_part(name: str) -> str:
    """`name`, any text, as one part of a scope. Different names give different parts; plain names stay.

    Slashes, percent signs, control characters and lone surrogates become percent escapes. The end of a part
    of more than 200 bytes becomes a digest.
    """
    if _PLAIN.fullmatch(name):
        return name
    part = "".join(_escaped(c) if c in "/%" or ord(c) < 32 or "\ud800" <= c <= "\udfff" else c for c in name)
    if part.strip() != part or part in ("", ".", ".."):
        part = "".join(_escaped(c) if c == "." or c.isspace() else c for c in part) or "%"
    if len(part.encode()) > _LONGEST_PART:
        digest = hashlib.blake2b(part.encode(), digest_size=8).hexdigest()
        part = part.encode()[: _LONGEST_PART - 17].decode(errors="ignore") + "%" + digest
    return part


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def journal_name(*parts: str) -> str:
    """The name of a journal for a key of one to four parts, each escaped as in `scope_part`."""
    return "/".join(scope_part(part) for part in parts)


def clean(text: str) -> str:
    """`text` with U+FFFD for NUL and lone surrogates, which a record cannot hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def distinct(name: str) -> str:
    """`name` as `clean` leaves it. Different names stay different: a cleaned one ends with a digest."""
    cleaned = clean(name)
    if cleaned == name:
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{cleaned}#{digest}"


def to_json(value: Any, depth: int = 0) -> Any:
    """`value` as a JSON value for metadata. What JSON cannot hold becomes text, so that nothing is lost."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return clean(value)
    if depth < _DEEPEST:
        if hasattr(value, "model_dump") and not isinstance(value, type):
            value = value.model_dump()
        if isinstance(value, Mapping):
            return {distinct(str(key)): to_json(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [to_json(item, depth + 1) for item in value]
    return clean(str(value))


def retry_on_conflict(write: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Call `write` again while it raises ConflictError.

    `write` must read what it depends on itself. Some writer wins each round, so the attempts end; after a
    thousand the last ConflictError is raised.
    """

    @functools.wraps(write)
    def run(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        for _ in range(_MOST_ATTEMPTS - 1):
            try:
                return write(*args, **kwargs)
            except ConflictError:
                continue
        return write(*args, **kwargs)

    return run


async def completed(work: Awaitable[_Result]) -> _Result:
    """The result of a write. A cancelled caller goes on, cancelled, when the write has ended."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # the caller is cancelled, whatever came of the write
        raise cancelled
    return task.result()


def relevant(hits: list[Hit]) -> list[Hit]:
    """The hits of mode "hybrid" that earn a place in a prompt; none if the result probably has no answer."""
    if not hits or hits[0].explain["answered"] < _ANSWERED:
        return []
    return [hit for hit in hits if hit.score >= _LEAST_SCORE]


def memory_line(hit: Hit) -> str:
    """A memory as a line of a prompt, such as "- 2026-05-01, user: I moved to Ulm."."""
    record = hit.record
    return f"- {record.created_at:%Y-%m-%d}, {record.metadata.get('role', 'note')}: {excerpt(hit)}"


def excerpt(hit: Hit) -> str:
    """The content of a hit for a prompt: of a long one, 4,000 characters with the passage that answers."""
    content = hit.record.content
    if len(content) <= _LONGEST_EXCERPT:
        return content
    begin = max(hit.passage[0] - _BEFORE, 0) if hit.passage else 0
    return _excerpt.excerpt(content, begin, begin + _LONGEST_EXCERPT, blank="")


def require(module: str, *, extra: str, package: str, at_least: str, below: str) -> ModuleType:
    """Import a framework of a supported version, `at_least <= version < below`.

    Otherwise the ImportError says which versions agentmem supports, and which extra to install.
    """
    supported = f"agentmem supports {package} >= {at_least}, < {below}; pip install 'agentmem-db[{extra}]'"
    try:
        found = packages.version(package)
        imported = import_module(module)
    except packages.PackageNotFoundError as error:
        raise ImportError(f"{package} is not installed; {supported}", name=module) from error
    except ImportError as error:
        raise ImportError(f"{package} cannot be imported ({error}); {supported}", name=module) from error
    if not _numbers(at_least) <= _numbers(found) < _numbers(below):
        raise ImportError(f"{package} {found} is installed, but {supported}", name=module)
    return imported


def _numbers(version: str) -> list[int]:
    """The release numbers of a version: 1.2.0rc1 gives 1, 2, 0."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    return [int(number) for number in release[0].split(".")] if release else []
