"""Groups of records that say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from typing_extensions import Unpack

from agentmem._core import Record
from agentmem.errors import InvalidFilterError
from agentmem.store.reading import Reading
from agentmem.store.search import Search
from agentmem.types import Filters, Viewer

# How many records are read at a time.
_PAGE = 1000
# Like texts that one search finds: as many as mode "tfidf" scores exactly.
_ALIKE = 200

Seen: TypeAlias = tuple[datetime, int, str]
"""What is kept of a record, in the order of age: created_at, version, id."""

Texts: TypeAlias = dict[bytes, list[Seen]]
"""The records of each text, oldest first. The key is a digest of the text and of where the records are."""


class Duplicates(Reading, Search):
    """The method of a store that finds duplicates, by reading and searching."""

    def duplicates(
        self, min_score: float = 1.0, limit: int = 100, **filters: Unpack[Filters]
    ) -> list[list[Record]]:
        """Return groups of records of one scope that say the same, oldest first.

        At 1.0, a group has records with identical text. Below, it also has those whose TF-IDF cosine with
        the oldest of the group is at least `min_score`. A private record is in one group only with private
        records of its source. Time: one pass over the records that pass the filters; below 1.0, one search
        for each of their texts.
        """
        _check(min_score, limit)
        texts = _texts(self, filters)
        groups = _identical(texts) if min_score == 1 else _alike(self, texts, min_score, filters)
        found = (_fetched(self, group, filters) for group in groups)
        return list(islice((group for group in found if len(group) > 1), limit))


def _check(min_score: float, limit: int) -> None:
    if isinstance(min_score, bool) or not isinstance(min_score, (int, float)) or not 0 <= min_score <= 1:
        raise InvalidFilterError(f"invalid filter: min_score must be a number in 0..1, not {min_score!r}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidFilterError(f"invalid filter: limit must be a whole number of 0 or more, not {limit!r}")


def _texts(store: Duplicates, filters: Filters) -> Texts:
    texts: Texts = {}
    after = 0
    while page := store.list(_PAGE, order="written", after=after, **filters):
        for record in page:
            after = record.version or after
            texts.setdefault(_digest(record), []).append((record.created_at, after, record.id))
    for records in texts.values():
        records.sort()
    return texts


def _digest(record: Record) -> bytes:
    """Equal for records with the same text in the same place."""
    return hashlib.sha256(repr((record.content, *_place(record))).encode()).digest()[:16]


def _place(record: Record) -> tuple[str, bool, str | None]:
    """Where a record can have duplicates: its scope, and for a private record its source."""
    return record.scope, record.private, record.source if record.private else None


def _identical(texts: Texts) -> Iterable[list[Seen]]:
    return sorted(records for records in texts.values() if len(records) > 1)


def _alike(store: Duplicates, texts: Texts, min_score: float, filters: Filters) -> Iterator[list[Seen]]:
    """Each text, oldest first, with the later ones that are like it and belong to no group yet."""
    for text in sorted(texts, key=lambda text: texts[text]):
        if text in texts:
            group = texts.pop(text)
            for like in _like(store, group[0], min_score, filters):
                group += texts.pop(like, [])
            yield sorted(group)


def _like(store: Duplicates, seen: Seen, min_score: float, filters: Filters) -> Iterator[bytes]:
    """The digests of texts that are like that of a record, in its place."""
    (record,) = store.get_many([seen[2]], **_viewer(filters))
    if record is not None:  # else it was deleted meanwhile
        within: Filters = {**filters, "scope": record.scope}
        for hit in store.search(record.content, _ALIKE, mode="tfidf", min_score=min_score, **within):
            if _place(hit.record) == _place(record):
                yield _digest(hit.record)


def _fetched(store: Duplicates, group: list[Seen], filters: Filters) -> list[Record]:
    """The records as they are now, without those that were deleted or written meanwhile."""
    found = store.get_many([id for _, _, id in group], **_viewer(filters))
    versions = {version for _, version, _ in group}
    return [record for record in found if record is not None and record.version in versions]


def _viewer(filters: Filters) -> Viewer:
    viewer: Viewer = {}
    if "source" in filters:
        viewer["source"] = filters["source"]
    if "include_private" in filters:
        viewer["include_private"] = filters["include_private"]
    return viewer
