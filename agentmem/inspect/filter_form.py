"""The filters that a page's address has, as texts, and as arguments of a store's reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agentmem import InvalidFilterError
from agentmem.inspect.visit import Fields


@dataclass(frozen=True)
class FilterForm:
    """What the user typed; empty where there is no filter."""

    scope: str = ""
    category: tuple[str, ...] = ()
    where: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, query: Fields, prefix: str = "") -> FilterForm:
        """Take the filters of an address. The prefix tells two forms of one page apart."""
        texts = {name: query.get(prefix + name).strip() for name in ("scope", "where", "since", "until")}
        return cls(category=tuple(dict.fromkeys(query.all(f"{prefix}category"))), **texts)

    def pairs(self, prefix: str = "") -> list[tuple[str, str]]:
        """The part of an address that has these filters."""
        named = [("scope", self.scope), *(("category", name) for name in self.category)]
        named += [("where", self.where), ("since", self.since), ("until", self.until)]
        return [(prefix + name, value) for name, value in named if value]

    def arguments(self) -> dict[str, Any]:
        """The arguments of a read. Raises InvalidFilterError if `where` is not a JSON object."""
        given: dict[str, Any] = {name: value for name, value in self.pairs() if name != "category"}
        if self.category:
            given["categories"] = list(self.category)
        if self.where:
            given["where"] = _object(self.where)
        return given

    def __bool__(self) -> bool:
        """Whether there is a filter."""
        return bool(self.pairs())


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFilterError(f"invalid filter: where is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidFilterError('invalid filter: where is not a JSON object; write it like {"year": 2024}')
    return value
