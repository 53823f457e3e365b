"""A search as a page's address has it, and as arguments of `search`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from agentmem import InvalidFilterError
from agentmem.inspect.filter_form import FilterForm
from agentmem.inspect.visit import Fields

MODES = ("hybrid", "bm25", "tfidf", "vector")

_NUMBERS = {
    "min_score": float,
    "limit": int,
    "recency_weight": float,
    "importance_weight": float,
    "half_life_days": float,
}


@dataclass(frozen=True)
class SearchForm:
    """What the user typed, with the defaults of `search`."""

    q: str = ""
    mode: str = "hybrid"
    min_score: str = "0"
    limit: str = "10"
    dialogue: str = ""
    recency_weight: str = "0"
    importance_weight: str = "0"
    half_life_days: str = "30"
    filters: FilterForm = field(default_factory=FilterForm)

    @classmethod
    def read(cls, query: Fields, prefix: str = "") -> SearchForm:
        """Take the search of an address. The prefix tells two forms of one page apart."""
        texts = {name: query.get(prefix + name, default) for name, default in _DEFAULTS.items()}
        return cls(**texts, filters=FilterForm.read(query, prefix))

    def pairs(self, prefix: str = "") -> list[tuple[str, str]]:
        """The part of an address that has this search."""
        texts = ((name, getattr(self, name), default) for name, default in _DEFAULTS.items())
        own = [(prefix + name, value) for name, value, default in texts if value != default]
        return own + self.filters.pairs(prefix)

    def arguments(self) -> dict[str, Any]:
        """The arguments of `search` beside the query. Raises InvalidFilterError for what is no number."""
        given: dict[str, Any] = {}
        for name, kind in _NUMBERS.items():
            value = getattr(self, name)
            if value != _DEFAULTS[name]:
                try:
                    given[name] = kind(value)
                except ValueError:
                    raise InvalidFilterError(f"invalid filter: {name} is not a number: {value!r}") from None
        if self.mode != "hybrid":
            given["mode"] = self.mode
        if self.dialogue:
            given["dialogue"] = True
        return {**given, **self.filters.arguments()}

    @property
    def is_probability(self) -> bool:
        """Whether the scores estimate how probably a record is relevant."""
        weights = (self.recency_weight, self.importance_weight)
        return self.mode == "hybrid" and all(weight in ("0", "0.0") for weight in weights)


_DEFAULTS = {one.name: one.default for one in fields(SearchForm) if isinstance(one.default, str)}
