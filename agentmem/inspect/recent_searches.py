"""The searches since the inspector was started, and what they found."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

_MOST = 200
_DEEPEST = 100


class RecentSearches:
    """Remembers the last searches with their hits."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._found: OrderedDict[tuple[tuple[str, str], ...], tuple[str, list[str]]] = OrderedDict()

    def remember(self, query: str, pairs: Iterable[tuple[str, str]], ids: Iterable[str]) -> None:
        """Keep the ids that a search found, best first."""
        key = tuple(pairs)
        self._found.pop(key, None)
        self._found[key] = (query, list(ids)[:_DEEPEST])
        while len(self._found) > _MOST:
            self._found.popitem(last=False)

    def that_found(self, id: str) -> list[dict[str, object]]:
        """The searches that found a record, the last one first, with the rank that it had."""
        return [
            {"query": query, "pairs": pairs, "rank": ids.index(id) + 1}
            for pairs, (query, ids) in reversed(list(self._found.items()))
            if id in ids
        ]
