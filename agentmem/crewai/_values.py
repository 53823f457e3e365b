"""Python values in journals: what a flow's state or a tool's result holds comes back as it was.

A journal keeps dicts with text keys, lists, text, numbers, True, False and None as they are. Each other value
becomes a dict with one key, `$type`, which names its type. Models and enums are found by their module and
name among the modules that the program has imported: reading a value imports nothing.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

_TYPE = "$type"
_DEEPEST = 200
_PLAIN = {type(None), bool, int, float, str}

Path = tuple[str | int, ...]


class UnsupportedValueError(TypeError):
    """A value that cannot be kept. The message says where it is."""


def encode(value: Any) -> Any:
    """`value` as a journal keeps it. Raises UnsupportedValueError with the place of what cannot be kept."""
    return _Encoder(validated=False).encode(value, ())


def encode_fields(model: BaseModel) -> Any:
    """The fields of a model, each as `encode` gives it. `decode` gives a dict of them.

    The model is made again by validating that dict. So a class that cannot be found by its name, because it
    is inside a function, may leave its plain fields or value.
    """
    return _Encoder(validated=True).fields(model, ())


@dataclass(frozen=True)
class _Encoder:
    validated: bool

    def encode(self, value: Any, path: Path) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if len(path) >= _DEEPEST:
            raise UnsupportedValueError(
                f"{_where(path)} is nested more than {_DEEPEST} levels deep; is it in a cycle?"
            )
        if kind is dict or _is_proxy(value, dict):
            return self.pairs({**value}, path)
        if kind is list or _is_proxy(value, list):
            return self.items([*value], path)
        if kind is tuple:
            return {_TYPE: "tuple", "items": self.items([*value], path)}
        if kind in (set, frozenset):  # equal ones have their items in any order
            return {_TYPE: kind.__name__, "items": sorted(self.items([*value], path), key=repr)}
        if kind in _TO_TEXT:
            return {_TYPE: kind.__name__, "text": _TO_TEXT[kind](value)}
        if isinstance(value, Enum):
            return self.enum(value, path)
        if isinstance(value, BaseModel):
            return self.model(value, path)
        raise UnsupportedValueError(
            f"{_where(path)} is a {kind.__module__}.{kind.__qualname__}, which cannot be kept; use text, "
            "numbers, bytes, lists, dicts, sets, tuples, dates, UUID, Decimal, enums or pydantic models"
        )

    # Most of a state is plain. So these two take a copy, and change in it what is not.

    def items(self, items: list[Any], path: Path) -> list[Any]:
        for index, item in enumerate(items):
            if type(item) not in _PLAIN:
                items[index] = self.encode(item, (*path, index))
        return items

    def pairs(self, pairs: dict[Any, Any], path: Path) -> dict[str, Any]:
        for key in pairs:
            if type(key) is not str or key == _TYPE:
                return {_TYPE: "dict", "items": [self.pair(*pair, path) for pair in pairs.items()]}
        for key, item in pairs.items():
            if type(item) not in _PLAIN:
                pairs[key] = self.encode(item, (*path, key))
        return pairs

    def pair(self, key: Any, item: Any, path: Path) -> list[Any]:
        return [self.encode(key, (*path, f"key {key!r}")), self.encode(item, (*path, repr(key)))]

    def fields(self, model: BaseModel, path: Path) -> dict[str, Any]:
        return self.pairs({**model.__dict__, **(model.__pydantic_extra__ or {})}, path)

    def enum(self, value: Enum, path: Path) -> Any:
        if (name := self.class_name(type(value), path)) is None:
            return self.encode(value.value, path)
        if value.name in type(value).__members__:
            return {_TYPE: "enum", "class": name, "name": value.name}
        # Several flags, or none, have no name.
        return {_TYPE: "enum", "class": name, "value": self.encode(value.value, path)}

    def model(self, value: BaseModel, path: Path) -> Any:
        fields = self.fields(value, path)
        if (name := self.class_name(type(value), path)) is None:
            return fields
        return {_TYPE: "model", "class": name, "fields": fields}

    def class_name(self, kind: type, path: Path) -> str | None:
        """The name by which `_class` finds the class; None if it cannot and validation makes up for it."""
        name = f"{kind.__module__}:{kind.__qualname__}"
        if _found(name) is kind:
            return name
        if self.validated:
            return None
        raise UnsupportedValueError(
            f"{_where(path)} is a {kind.__qualname__}, which cannot be found again by this name; "
            "define the class at the top of a module"
        )


def decode(value: Any) -> Any:
    """The value that `encode` was given. Raises ValueError if a class is not imported, or is gone."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_TYPE)
    if kind is None:
        return {key: decode(item) for key, item in value.items()}
    if kind == "dict":
        return {decode(key): decode(item) for key, item in value["items"]}
    if kind in _COLLECTIONS:
        return _COLLECTIONS[kind](map(decode, value["items"]))
    if kind in _FROM_TEXT:
        return _FROM_TEXT[kind](value["text"])
    if kind == "enum":
        found = _class(value["class"], Enum)
        return found[value["name"]] if "name" in value else found(decode(value["value"]))
    if kind == "model":
        return _class(value["class"], BaseModel).model_construct(**decode(value["fields"]))
    raise ValueError(f"a newer agentmem wrote this value, of the type {kind}; upgrade agentmem")


def _class(name: str, base: type) -> Any:
    """The class with this name, if it is still a subclass of `base`."""
    module, _, qualname = name.partition(":")
    if module not in sys.modules:
        raise ValueError(
            f"the value is a {qualname} of the module {module}; import {module} before reading it"
        )
    found = _found(name)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"the value is a {qualname}, but the module {module} has no such class any more")
    return found


def _found(name: str) -> Any:
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _is_proxy(value: Any, of: type) -> bool:
    """Whether the value is CrewAI's proxy of a dict or a list in a live state."""
    return isinstance(value, of) and type(value).__module__.startswith("crewai.flow.")


def _where(path: Path) -> str:
    return (
        "".join(f"[{part!r}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "it"
    )


_TO_TEXT: dict[type, Callable[[Any], str]] = {
    bytes: lambda value: base64.b64encode(value).decode(),
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda value: f"{value.days} {value.seconds} {value.microseconds}",
    UUID: str,
    Decimal: str,
}
_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "bytes": base64.b64decode,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda text: timedelta(*map(int, text.split())),
    "UUID": UUID,
    "Decimal": Decimal,
}
_COLLECTIONS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
