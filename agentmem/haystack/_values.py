"""What values the documents' metadata have, as Haystack's stores tell."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agentmem import InvalidFilterError
from agentmem._adapters import distinct

Metas = Iterable[dict[str, Any]]


def fields_info(metas: Metas) -> dict[str, dict[str, str]]:
    """The type of each field: "boolean", "int", "float" or "keyword"; that of its last value."""
    types = {bool: "boolean", int: "int", float: "float"}
    return {
        key: {"type": types.get(type(value), "keyword")}
        for meta in metas
        for key, value in meta.items()
        if value is not None
    }


def min_max(metas: Metas, field: str) -> dict[str, Any]:
    """The least and the greatest value of a field; None for both if it has none or they have no order."""
    values = [value for value in _values(metas, field) if isinstance(value, (int, float, str))]
    try:
        return {"min": min(values, default=None), "max": max(values, default=None)}
    except TypeError:
        return {"min": None, "max": None}


def unique_counts(metas: Metas, fields: list[str]) -> dict[str, int]:
    """How many different values each field has."""
    metas = list(metas)
    return {field.removeprefix("meta."): len(_unique(metas, field)) for field in fields}


def unique_values(
    metas: Metas, field: str, search_term: str | None, from_: int, size: int
) -> tuple[list[Any], int]:
    """A page of the different values of a field whose text contains the term, and how many there are.

    Raises InvalidFilterError for a negative place or size of the page.
    """
    if min(from_, size) < 0:
        raise InvalidFilterError(f"from_ and size must not be negative: {from_}, {size}")
    term = (search_term or "").lower()
    found = [value for value in _unique(metas, field) if term in str(value).lower()]
    found.sort(key=lambda value: (str(value), type(value).__name__))
    return found[from_ : from_ + size], len(found)


def _unique(metas: Metas, field: str) -> list[Any]:
    """The different values of a field. The numbers 1 and 1.0, the text "1" and True differ."""
    return list({json.dumps(value, sort_keys=True): value for value in _values(metas, field)}.values())


def _values(metas: Metas, field: str) -> list[Any]:
    key = distinct(field.removeprefix("meta."))  # as the keys of metadata are
    return [meta[key] for meta in metas if meta.get(key) is not None]
