"""A store as one would write it with no thought of speed: a list of dicts, and a loop for every question.

It shares no code with the real one but the analyzer. `Oracle` has the names and arguments of
`MemoryStore`; the package `ranking` knows the formulas of the search modes.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from ranking import modes
from ranking.first_stage import keywords
from ranking.statistics import Row, Statistics, terms_of

import agentmem


def contains(scope: str, other: str) -> bool:
    """Is `other` in `scope`? "/a" contains "/a" and "/a/b", never "/ab"."""
    return scope == "/" or other == scope or other.startswith(scope + "/")


def is_number(value: Any) -> bool:
    """Is it a number of JSON? A boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(a: Any, b: Any) -> bool:
    """JSON equality: numbers by value, True never equals 1."""
    if is_number(a) and is_number(b):
        return a == b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def comparable(a: Any, b: Any) -> bool:
    """Numbers with numbers and texts with texts."""
    return (is_number(a) and is_number(b)) or (isinstance(a, str) and isinstance(b, str))


def has(found: Any, wanted: Any) -> bool:
    """A list with this element, or a text with this text in it."""
    if isinstance(found, list):
        return any(equal(element, wanted) for element in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted in found


TESTS = {
    "$eq": equal,
    "$gt": lambda found, wanted: comparable(found, wanted) and found > wanted,
    "$gte": lambda found, wanted: comparable(found, wanted) and found >= wanted,
    "$lt": lambda found, wanted: comparable(found, wanted) and found < wanted,
    "$lte": lambda found, wanted: comparable(found, wanted) and found <= wanted,
    "$in": lambda found, wanted: any(equal(found, one) for one in wanted),
    "$contains": has,
}


def passes(operator: str, metadata: dict[str, Any], key: str, wanted: Any) -> bool:
    """One operator on one key. A missing value fails all tests but $ne, $nin and $exists: False."""
    there = key in metadata
    match operator:
        case "$exists":
            return there is wanted
        case "$ne":
            return not passes("$eq", metadata, key, wanted)
        case "$nin":
            return not passes("$in", metadata, key, wanted)
        case "$not":
            return not holds({key: wanted}, metadata)
        case _:
            return there and TESTS[operator](metadata[key], wanted)


def holds(where: dict[str, Any], metadata: dict[str, Any]) -> bool:
    """Does the metadata meet the condition?"""
    return all(part_holds(key, wanted, metadata) for key, wanted in where.items())


def part_holds(key: str, wanted: Any, metadata: dict[str, Any]) -> bool:
    """Does it meet what stands under one key of the condition?"""
    if key == "$and":
        return all(holds(part, metadata) for part in wanted)
    if key == "$or":
        return any(holds(part, metadata) for part in wanted)
    if key == "$not":
        return not holds(wanted, metadata)
    if isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
        return all(passes(operator, metadata, key, operand) for operator, operand in wanted.items())
    return equal(metadata[key], wanted) if key in metadata else False


def asks_nothing(where: dict[str, Any]) -> bool:
    """A condition that holds whatever the metadata: too easily written by mistake to delete all by it."""
    return all(is_certain(key, wanted, True) for key, wanted in where.items())


def is_certain(key: str, wanted: Any, answer: bool) -> bool:
    """Does this part of a condition give this answer whatever the metadata?"""
    if key in ("$and", "$or"):
        parts = [all_certain(part, answer) for part in wanted]
        return all(parts) if (key == "$and") == answer else any(parts)
    if key == "$not":
        return all_certain(wanted, not answer)
    if isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
        parts = [is_certain_test(key, *test, answer) for test in wanted.items()]
        return all(parts) if answer else any(parts)
    return False


def is_certain_test(key: str, operator: str, wanted: Any, answer: bool) -> bool:
    """The same of one operator on one key."""
    if operator == "$not":
        return is_certain(key, wanted, not answer)
    return operator == ("$nin" if answer else "$in") and not wanted


def all_certain(where: dict[str, Any], answer: bool) -> bool:
    """The same of a whole condition, all of whose parts must hold."""
    parts = [is_certain(key, wanted, answer) for key, wanted in where.items()]
    return all(parts) if answer else any(parts)


class Oracle:
    """What a store must do. `rows` are in the order of writing."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.next_seq = 1

    # Writing

    def add_many(self, records: list[Row], replace: bool = False) -> list[str]:
        """All or none."""
        ids = [record["id"] for record in records]
        if len(set(ids)) < len(ids):
            raise agentmem.DuplicateIdError
        rows = list(self.rows)
        for number, record in enumerate(records):
            same = [row for row in rows if row["id"] == record["id"]]
            if same and not replace:
                raise agentmem.DuplicateIdError
            rows = [row for row in rows if row["id"] != record["id"]]
            self._check_dimension(rows, record)
            categories = tuple(dict.fromkeys(record["categories"]))
            rows.append({**record, "categories": categories, "seq": self.next_seq + number})
        self.rows = rows
        self.next_seq += len(records)
        return ids

    def update(self, id: str, changes: Row) -> Row:
        """The changed record moves to the end."""
        old = self.find(id)
        if old is None:
            raise agentmem.RecordNotFoundError
        rows = [row for row in self.rows if row is not old]
        new = {**old, **changes, "seq": self.next_seq}
        self._check_dimension(rows, new)
        new["categories"] = tuple(dict.fromkeys(new["categories"]))
        self.rows = [*rows, new]
        self.next_seq += 1
        return new

    def delete(self, ids: list[str] | None = None, **filters: Any) -> int:
        """By ids alone private records too."""
        given = {name for name, value in filters.items() if value not in (None, [], ())}
        given -= {"source", "include_private"}
        if ids is None and (not given or (given == {"where"} and asks_nothing(filters["where"]))):
            raise agentmem.InvalidFilterError
        if not given:
            filters = {"include_private": True}
        gone = [row for row in self.select(**filters) if ids is None or row["id"] in ids]
        self.rows = [row for row in self.rows if row not in gone]
        return len(gone)

    def reset(self, scope: str | None = None) -> int:
        """Private records too."""
        before = len(self.rows)
        self.rows = [row for row in self.rows if not contains(scope or "/", row["scope"])]
        return before - len(self.rows)

    # Reading

    def find(self, id: str, **viewer: Any) -> Row | None:
        """The record of this id, if the viewer may see it; with no viewer given, whoever asks."""
        rows = self.select(**viewer) if viewer else self.rows
        return next((row for row in rows if row["id"] == id), None)

    def select(
        self,
        scope: str | None = None,
        categories: list[str] | None = None,
        where: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        source: str | None = None,
        include_private: bool = False,
    ) -> list[Row]:
        """The records that pass the filters, in the order of writing."""
        return [
            row
            for row in self.rows
            if (scope is None or contains(scope, row["scope"]))
            and (not categories or set(categories) & set(row["categories"]))
            and (where is None or holds(where, row["metadata"]))
            and (since is None or row["created_at"] >= since)
            and (until is None or row["created_at"] < until)
            and (not row["private"] or include_private or (source is not None and row["source"] == source))
        ]

    def list(self, limit: int | None, offset: int, **filters: Any) -> list[Row]:
        """Newest first."""
        rows = sorted(self.select(**filters), key=lambda row: (row["created_at"], row["seq"]), reverse=True)
        return rows[offset:] if limit is None else rows[offset : offset + limit]

    def categories(self, **filters: Any) -> dict[str, int]:
        """Most frequent first, then by name."""
        counts = Counter(name for row in self.select(**filters) for name in row["categories"])
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0].encode())))

    def scopes(self, parent: str, **viewer: Any) -> list[str]:
        """Immediate children that hold something visible."""
        prefix = parent.rstrip("/") + "/"
        below = (row["scope"] for row in self.select(**viewer) if row["scope"] != "/")
        children = {
            prefix + scope[len(prefix) :].split("/")[0] for scope in below if scope.startswith(prefix)
        }
        return sorted(children, key=str.encode)

    def scope_info(self, scope: str, **viewer: Any) -> dict[str, Any]:
        """What is in a scope and below."""
        dates = [row["created_at"] for row in self.select(scope=scope, **viewer)]
        return {
            "scope": scope,
            "records": len(dates),
            "categories": self.categories(scope=scope, **viewer),
            "oldest": min(dates, default=None),
            "newest": max(dates, default=None),
            "children": self.scopes(scope, **viewer),
        }

    def scores(self, query: str, mode: str, vector: list[float] | None, **filters: Any) -> dict[int, float]:
        """The score of every record that passes the filters and matches; statistics are those of all
        records.
        """
        visible = self.select(**filters)
        if mode == "vector":
            return modes.vector(vector or [], visible)
        plain = modes.bm25 if mode == "bm25" else modes.tfidf
        return plain(query, Statistics(self.rows), visible)

    def sharing(self, query: str, **filters: Any) -> set[int]:
        """The records that pass the filters and hold a term of the query that is no stop word's."""
        asked = keywords(query).keys()
        return {row["seq"] for row in self.select(**filters) if terms_of(row["content"]).keys() & asked}

    def _check_dimension(self, rows: list[Row], new: Row) -> None:
        others = {len(row["embedding"]) for row in rows if row["embedding"] is not None}
        if new["embedding"] is not None and others - {len(new["embedding"])}:
            raise agentmem.DimensionMismatchError
