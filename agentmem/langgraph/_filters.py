"""Filters of LangGraph's stores as conditions on metadata, which are tested inside the search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agentmem import InvalidFilterError
from agentmem.langgraph._items import pointer_to

_OPERATORS = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"}
_NOTHING: dict[str, Any] = {"$or": []}
# What texts, numbers, and the rest but dicts and lists pass.
_SCALARS: list[dict[str, Any]] = [{"$gte": ""}, {"$gte": -math.inf}, {"$in": [None, True, False, []]}]


def condition(filter: Mapping[str, Any], root: str) -> dict[str, Any]:
    """The condition that the value at the JSON pointer `root` passes the filter.

    As in LangGraph's InMemoryStore, a dict matches dicts that contain it, and a missing value is equal to
    None and different from everything else. As in its SqliteStore, a key with dots is also a path. Raises
    ValueError for unknown operators, and InvalidFilterError, which is one, for keys that are not text.
    """
    return {"$and": [_test(_pointers(root, key), expected) for key, expected in filter.items()]}


def _pointers(root: str, key: str) -> list[str]:
    """Where the value of a key may be: under its name, and for "a.b" also under "b" in "a"."""
    literal = _inner(root, key)
    return [literal, root + literal.removeprefix(root).replace(".", "/")] if "." in key else [literal]


def _inner(root: str, key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidFilterError(f"the keys of a filter must be text, not {key!r}")
    return pointer_to(root, key)


def _test(pointers: list[str], expected: Any) -> dict[str, Any]:
    if not isinstance(expected, Mapping):
        return _compare(pointers, "$eq", expected)
    if any(isinstance(key, str) and key.startswith("$") for key in expected):
        return {"$and": [_compare(pointers, name, operand) for name, operand in expected.items()]}
    is_dict = _any([_is_dict(pointer) for pointer in pointers])
    inner = [_test([_inner(p, key) for p in pointers], value) for key, value in expected.items()]
    return {"$and": [is_dict, *inner]}


def _is_dict(pointer: str) -> dict[str, Any]:
    others = [{pointer: test} for test in _SCALARS] + [{"lists": {"$contains": pointer}}]
    return {"$and": [{pointer: {"$exists": True}}, {"$not": {"$or": others}}]}


def _compare(pointers: list[str], name: str, operand: Any) -> dict[str, Any]:
    if name not in _OPERATORS:
        raise ValueError(f"Unsupported operator: {name}; these are supported: {sorted(_OPERATORS)}")
    if name == "$ne":
        return {"$not": _compare(pointers, "$eq", operand)}
    if operand is None and name == "$eq":
        values = [{"$and": [{p: {"$exists": True}}, {p: {"$ne": None}}]} for p in pointers]
        return {"$not": _any(values)}
    if isinstance(operand, float) and math.isnan(operand):
        return _NOTHING
    operand = list(operand) if isinstance(operand, tuple) else operand
    return _any([{pointer: {name: operand}} for pointer in pointers])


def _any(conditions: list[dict[str, Any]]) -> dict[str, Any]:
    return conditions[0] if len(conditions) == 1 else {"$or": conditions}
