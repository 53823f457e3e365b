"""Haystack's filters as conditions on the metadata of records.

They mean what `haystack.utils.filters.document_matches_filter` says, but for two things. A text that is no
ISO 8601 date does not match `>`, where Haystack raises FilterError. And True is not 1.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any, NamedTuple

from haystack import Document
from haystack.errors import FilterError

from agentmem._adapters import distinct, to_json

from ._dates import moment

_ORDER = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_FIELDS = {field.name for field in fields(Document)}
_ID = "/id"


def to_where(filters: Any) -> dict[str, Any]:
    """Translate filters. Raises FilterError for what is no filter."""
    if not isinstance(filters, dict):
        raise FilterError(f"a filter is a dict, not {filters!r}")
    if "field" in filters:
        return _comparison(filters)
    operator, conditions = _required(filters, "operator"), _required(filters, "conditions")
    if not isinstance(conditions, list):
        raise FilterError(f"'conditions' must be a list, not {conditions!r}")
    parts = [to_where(condition) for condition in conditions]
    if operator == "AND":
        return {"$and": parts}
    if operator == "OR":
        return {"$or": parts}
    if operator == "NOT":
        return {"$not": {"$and": parts}}
    raise FilterError(f"unknown logical operator {operator!r}; it must be AND, OR or NOT")


class _Field(NamedTuple):
    """Where the value of a field stands in a record's metadata, as JSON pointers (RFC 6901)."""

    value: str
    wall: str
    utc: str


def _comparison(condition: dict[str, Any]) -> dict[str, Any]:
    field = _field(condition["field"])
    operator, value = _required(condition, "operator"), _required(condition, "value")
    if operator == "==":
        return _equal(field, value)
    if operator == "!=":
        return {"$not": _equal(field, value)}
    if operator == "in":
        return _in(field, value)
    if operator == "not in":
        return {"$not": _in(field, value)}
    if operator in _ORDER:
        return _ordered(field, _ORDER[operator], value)
    raise FilterError(
        f"unknown comparison operator {operator!r}; it must be ==, !=, >, >=, <, <=, in or not in"
    )


def _field(name: Any) -> _Field:
    if not isinstance(name, str):
        raise FilterError(f"'field' must be text, not {name!r}")
    parts = [distinct(part) for part in name.split(".")]  # as the keys of metadata are
    if parts[0] not in _FIELDS:
        parts = ["meta", *parts]  # as Haystack reads names without a prefix
    if name != "id" and (parts[0] != "meta" or len(parts) == 1):
        raise FilterError(f"documents cannot be filtered by {name!r}, but by 'id' and 'meta.NAME'")
    date = _pointer(["dates", ".".join(parts)])
    return _Field(_pointer(parts), f"{date}/wall", f"{date}/utc")


def _equal(field: _Field, value: Any) -> dict[str, Any]:
    """Also with the same moment in another form. A missing value is equal to None."""
    if value is None:
        return {"$or": [{field.value: {"$exists": False}}, {field.value: None}]}
    # Metadata is cleaned, ids are kept as they are.
    kept = value if field.value == _ID and isinstance(value, str) else to_json(value)
    same = {field.value: {"$eq": kept}}
    dated = _dated(field, "$eq", value)
    return same if dated is None else {"$or": [same, dated]}


def _in(field: _Field, values: Any) -> dict[str, Any]:
    if not isinstance(values, list):
        raise FilterError(f"'in' and 'not in' take a list, not {values!r}")
    return {"$or": [_equal(field, value) for value in values]}


def _ordered(field: _Field, operator: str, value: Any) -> dict[str, Any]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return {"$or": []}  # nothing matches
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {field.value: {operator: value}}
    dated = _dated(field, operator, value)
    if dated is None:
        raise FilterError(f">, >=, < and <= compare numbers and ISO 8601 dates, not {value!r}")
    return dated


def _dated(field: _Field, operator: str, value: Any) -> dict[str, Any] | None:
    """Compare moments: in UTC if both dates have a time zone, else by the clock on the wall.

    None if the value is no date.
    """
    found = moment(to_json(value))
    if found is None:
        return None
    by_wall = {field.wall: {operator: found.wall}}
    if found.utc is None:
        return by_wall
    return {"$or": [{field.utc: {operator: found.utc}}, {field.utc: {"$exists": False}, **by_wall}]}


def _pointer(parts: list[str]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _required(filters: dict[str, Any], key: str) -> Any:
    if key not in filters:
        raise FilterError(f"{key!r} is missing in {filters!r}")
    return filters[key]
