"""What all storages for CrewAI share: a store, and a log of the errors that CrewAI would hide."""

from __future__ import annotations

import functools
import hashlib
import logging
import math
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, ParamSpec, TypeVar

import agentmem
from agentmem import MemoryStore

log = logging.getLogger("agentmem")

StoreOrPath = MemoryStore | str | os.PathLike[str] | None

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

# Metadata keys for the storages' own use. CrewAI does not see them.
OUTPUT = "_output"  # the whole output, if the content is a part of it
TASK = "_task"  # a digest of the task
DATETIME = "_datetime"  # as CrewAI gave it
SCORE = "_score"  # as CrewAI gave it

_DEEPEST = 64
_LONGEST_PART = 200


class Storage:
    """A store behind one of CrewAI's storage interfaces.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Subclasses must
    not define `__len__` or `__bool__`: CrewAI replaces a storage that is false with its own.
    """

    def __init__(self, store: StoreOrPath = None) -> None:
        """Open the store now, so that a bad path raises here; CrewAI would hide the error later."""
        self._owned = not isinstance(store, MemoryStore)
        self._store = store if isinstance(store, MemoryStore) else agentmem.open(store)

    @property
    def store(self) -> MemoryStore:
        """The store. After `close`, it is opened again."""
        if self._owned and self._store.closed:
            self._store = agentmem.open(self._store.path)
        return self._store

    def close(self) -> None:
        """Close the store if this storage opened it. It opens again if CrewAI uses it later."""
        if self._owned:
            self._store.close()

    def __copy__(self) -> Storage:
        """Return the storage itself, so that a copied crew uses the same store."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Storage:
        """Return the storage itself, so that a copied crew uses the same store."""
        return self


def logged(method: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Log the errors of `method` and raise them again: CrewAI hides most of them."""

    @functools.wraps(method)
    def run(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            log.exception("%s.%s failed: %s", type(args[0]).__name__, method.__name__, error)
            raise

    return run


def clean(text: str) -> str:
    """`text` with U+FFFD for NUL and lone surrogates, which a store cannot hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def to_json(value: Any, depth: int = 0) -> Any:
    """`value` as a JSON value. What JSON cannot hold becomes text, so that the memory is not lost."""
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
            return {clean(str(key)): to_json(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [to_json(item, depth + 1) for item in value]
    return clean(str(value))


def scope_part(name: str) -> str:
    """`name` as one part of a scope. Different names give different parts; plain names stay as they are."""
    part = "".join(_escaped(c) if c in "/%" or ord(c) < 32 else c for c in clean(name))
    if part.strip() != part or part in ("", ".", ".."):
        part = "".join(_escaped(c) if c == "." or c.isspace() else c for c in part) or "%"
    if len(part.encode()) > _LONGEST_PART:
        digest = hashlib.blake2b(part.encode(), digest_size=8).hexdigest()
        part = part.encode()[: _LONGEST_PART - 17].decode(errors="ignore") + "%" + digest
    return part


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def normalised(scope: str) -> str:
    """A valid scope for a text that an LLM may have made up: invalid parts are left out."""
    parts = [part for part in clean(scope).strip().split("/") if part.strip() not in ("", ".", "..")]
    return "/" + "/".join(parts).rstrip()


def aware(moment: datetime) -> datetime:
    """`moment` with a time zone. CrewAI's dates without one are in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def public_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """`metadata` without the keys for the storages' own use."""
    return {key: value for key, value in metadata.items() if key not in (OUTPUT, TASK, DATETIME, SCORE)}
