"""A store as one would write it with no thought of speed: a list of dicts, and a loop for every question.

It shares no code with the real one but the analyzer. `Oracle` has the names and arguments of
`MemoryStore`; the package `ranking` knows the formulas of the search modes. Its versions are its own
numbers, `seq`.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from oracle_journals import Journals, Refused
from ranking import modes
from ranking.query import Query
from ranking.statistics import Row, Statistics, terms_of
from ranking.writings import writings

import agentmem


def contains(scope: str, other: str) -> bool:
    """Whether `other` is in `scope`: "/a" contains "/a" and "/a/b", never "/ab"."""
    return scope == "/" or other == scope or other.startswith(scope + "/")


def is_number(value: Any) -> bool:
    """Whether it is a number of JSON. A boolean is not."""
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
    """Compares numbers with numbers and texts with texts; anything else is false."""
    return (is_number(a) and is_number(b)) or (isinstance(a, str) and isinstance(b, str))


def has(found: Any, wanted: Any) -> bool:
    """Whether a list has this element, or a text contains this text."""
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


def values_at(metadata: dict[str, Any], key: str) -> list[Any]:
    """The value under a key or JSON pointer, or nothing."""
    if not key.startswith("/"):
        return [metadata[key]] if key in metadata else []
    value: Any = metadata
    for part in key[1:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part in map(str, range(len(value))):
            value = value[int(part)]
        else:
            return []
    return [value]


def passes(operator: str, metadata: dict[str, Any], key: str, wanted: Any) -> bool:
    """One operator on one key. A missing value fails all tests but $ne, $nin and $exists: False."""
    found = values_at(metadata, key)
    there = bool(found)
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
            return there and TESTS[operator](found[0], wanted)


def holds(where: dict[str, Any], metadata: dict[str, Any]) -> bool:
    """Whether the metadata meets the condition."""
    return all(part_holds(key, wanted, metadata) for key, wanted in where.items())


def part_holds(key: str, wanted: Any, metadata: dict[str, Any]) -> bool:
    """Whether the metadata meets the part of the condition under one key."""
    if key == "$and":
        return all(holds(part, metadata) for part in wanted)
    if key == "$or":
        return any(holds(part, metadata) for part in wanted)
    if key == "$not":
        return not holds(wanted, metadata)
    if isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
        return all(passes(operator, metadata, key, operand) for operator, operand in wanted.items())
    return any(equal(found, wanted) for found in values_at(metadata, key))


def asks_nothing(where: dict[str, Any]) -> bool:
    """Whether the condition holds for all metadata. `delete` refuses it: it may be a mistake."""
    return all(is_certain(key, wanted, True) for key, wanted in where.items())


def is_certain(key: str, wanted: Any, answer: bool) -> bool:
    """Whether this part of a condition gives this answer for all metadata."""
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
    """As `is_certain`, for one operator on one key."""
    if operator == "$not":
        return is_certain(key, wanted, not answer)
    return operator == ("$nin" if answer else "$in") and not wanted


def all_certain(where: dict[str, Any], answer: bool) -> bool:
    """As `is_certain`, for a whole condition. All its parts must hold."""
    parts = [is_certain(key, wanted, answer) for key, wanted in where.items()]
    return all(parts) if answer else any(parts)


class Oracle:
    """What a store must do. `rows` are in the order of writing, `past` in the order of superseding; no list
    and no row is changed in place.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.rows: list[Row] = []
        self.past: list[Row] = []
        self.journals = Journals(now)
        self.next_seq = 1
        self.has_expired = False
        """Since this was last set to False: the store may count such records in search statistics."""
        self.has_expired_vectors = False
        """As above, for records with a vector."""

    def move_to(self, moment: datetime) -> None:
        """Let time pass. Records that have expired are deleted, with their history."""
        self.now = max(self.now, moment)
        self.journals.move_to(self.now)
        gone = [row for row in self.rows if (at := row.get("expires_at")) and at <= self.now]
        self.has_expired |= bool(gone)
        self.has_expired_vectors |= any(row["embedding"] is not None for row in gone)
        self._drop([row["id"] for row in gone])

    # Writing

    def add_many(
        self, records: list[Row], on_conflict: str = "fail", if_version: int | None = None
    ) -> list[str]:
        """Adds all records or none."""
        ids = [record["id"] for record in records]
        if on_conflict != "skip" and len(set(ids)) < len(ids):
            raise Refused(agentmem.DuplicateIdError)
        for id in ids:
            self.check(id, if_version)
        saved = self._saved()
        try:
            for record in records:
                self._add(record, on_conflict)
        except Refused:
            self._restore(saved)
            raise
        return ids

    def _add(self, record: Row, on_conflict: str) -> None:
        if self.find(record["id"]) is not None:
            if on_conflict == "skip":
                return
            if on_conflict == "fail":
                raise Refused(agentmem.DuplicateIdError)
        self._drop([record["id"]])
        self._write(record)

    def update(self, id: str, changes: Row, if_version: int | None = None) -> Row:
        """Changes a record, which moves to the end."""
        self.check(id, if_version)
        old = self._known(id)
        new = {**old, **changes}
        self._check_dimension([row for row in self.rows if row is not old], new)
        self.rows = [row for row in self.rows if row is not old]
        return self._write(new)

    def supersede(self, id: str, content: str, fields: Row, if_version: int | None = None) -> Row:
        """The old version goes to the history, and ends when the new one begins: it has no other expiry."""
        self.check(id, if_version)
        old = self._known(id)
        begins = fields.get("created_at") or max(self.now, old["created_at"] + timedelta(microseconds=1))
        if begins < old["created_at"]:
            raise Refused(agentmem.InvalidRecordError)
        anew = {"content": content, "created_at": begins, "expires_at": None, "embedding": None}
        new = {**old, **anew, **fields, "created_at": begins}
        self._check_dimension([row for row in self.rows if row is not old], new)
        self.rows = [row for row in self.rows if row is not old]
        self.past = [*self.past, {**old, "superseded_at": begins, "expires_at": None}]
        return self._write(new)

    def touch(self, ids: list[str], expires_at: datetime | None = None, scope: str | None = None) -> int:
        """Sets `last_accessed`, and the expiry if one is given. An expiry cannot be removed this way."""
        there = {id for id in ids if self.find(id, scope)}
        if expires_at is not None:
            self.rows = [
                {**row, "expires_at": expires_at} if row["id"] in there else row for row in self.rows
            ]
            self.move_to(self.now)
        return len(there)

    def delete(self, ids: list[str] | None = None, if_version: int | None = None, **filters: Any) -> int:
        """Deletes records. By ids alone, it deletes private records too."""
        given = {name for name, value in filters.items() if value not in (None, [], ())}
        given -= {"source", "include_private"}
        if ids is None and (not given or (given == {"where"} and asks_nothing(filters["where"]))):
            raise Refused(agentmem.InvalidFilterError)
        for id in ids or []:
            self.check(id, if_version)
        if not given:
            filters = {"include_private": True}
        gone = [row["id"] for row in self.select(**filters) if ids is None or row["id"] in ids]
        return self._drop(gone)

    def reset(self, scope: str | None = None, journals: bool = False) -> int:
        """Deletes all records of a scope, private ones too."""
        if journals:
            self.journals.entries = []
        return self._drop([row["id"] for row in self.rows if contains(scope or "/", row["scope"])])

    def check(self, id: str, if_version: int | None, scope: str | None = None) -> None:
        """Checks the version that a write requires of a record."""
        row = self.find(id, scope)
        if if_version is not None and if_version != (row["seq"] if row else 0):
            raise Refused(agentmem.ConflictError)

    def batch(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Checks all conditions before the first call, then runs the calls in order, all or none."""
        saved, results = self._saved(), []
        for step in (self._check_call, self._call):
            results = []
            for at, (name, arguments) in enumerate(calls):
                try:
                    results.append(step(name, arguments))
                except Refused as refused:
                    self._restore(saved)
                    raise Refused(refused.kind, at) from None
        return results

    def _check_call(self, name: str, arguments: dict[str, Any]) -> None:
        match name:
            case "append":
                self.journals.check_last(arguments["name"], arguments.get("if_last"))
            case "journal_put":
                self.journals.check_number(arguments["name"], arguments["key"], arguments.get("if_number"))
            case "add" | "put":
                self.check(arguments["record"]["id"], arguments.get("if_version"))
            case "update" | "supersede" | "check":
                # Another scope of these says where the record is afterwards.
                scope = arguments.get("scope") if name == "check" else None
                self.check(arguments["id"], arguments.get("if_version"), scope)
            case "delete" if arguments.get("if_version") is not None:
                self.check(arguments["ids"][0], arguments["if_version"])

    def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        rest = {
            key: value
            for key, value in arguments.items()
            if key not in ("if_version", "if_last", "if_number")
        }
        match name:
            case "append":
                return self.journals.extend(rest["name"], [rest["value"]])[0]
            case "journal_put":
                return self.journals.put(**rest)
            case "add":
                return self._add(rest["record"], rest["on_conflict"])
            case "put":
                return self._add(rest["record"], "replace")
            case "check":
                return None
            case _:
                return getattr(self, name)(**rest)

    # Reading

    def find(self, id: str, scope: str | None = None, **viewer: Any) -> Row | None:
        """The record with this id, if it is in the scope or below, and the viewer may see it.

        Without a viewer, every record is visible.
        """
        rows = self.select(**viewer) if viewer else self.rows
        found = (row for row in rows if row["id"] == id)
        return next((row for row in found if scope is None or contains(scope, row["scope"])), None)

    def history(
        self, id: str, scope: str | None = None, source: str | None = None, include_private: bool = False
    ) -> list[Row]:
        """All versions that the viewer may see, the current one last; none if that is not in the scope."""
        if self.find(id, scope) is None:
            return []
        versions = [row for row in [*self.past, *self.rows] if row["id"] == id]
        return [row for row in versions if is_visible(row, source, include_private)]

    def true_at(self, id: str, moment: datetime, scope: str | None = None) -> list[Row]:
        """The versions that had begun and not ended: one, unless an update has moved a beginning."""
        versions = self.history(id, scope, include_private=True)
        return [
            row
            for row in versions
            if row["created_at"] <= moment and ("superseded_at" not in row or moment < row["superseded_at"])
        ]

    def select(
        self,
        scope: str | None = None,
        categories: list[str] | None = None,
        where: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        source: str | None = None,
        include_private: bool = False,
        ids: list[str] | None = None,
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
            and (ids is None or row["id"] in ids)
            and is_visible(row, source, include_private)
        ]

    def list(
        self,
        limit: int | None,
        offset: int,
        order: str = "newest",
        after: int | None = None,
        **filters: Any,
    ) -> list[Row]:
        """The records that pass the filters, in one of four orders."""
        rows = [row for row in self.select(**filters) if after is None or row["seq"] > after]
        if order in ("newest", "oldest"):
            rows = sorted(rows, key=lambda row: (row["created_at"], row["seq"]))
        if order in ("newest", "updated"):
            rows = rows[::-1]
        return rows[offset:] if limit is None else rows[offset : offset + limit]

    def categories(self, **filters: Any) -> dict[str, int]:
        """Most frequent first, then by name."""
        counts = Counter(name for row in self.select(**filters) for name in row["categories"])
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0].encode())))

    def scopes(
        self,
        parent: str,
        recursive: bool = False,
        after: str | None = None,
        limit: int | None = None,
        **viewer: Any,
    ) -> list[str]:
        """Immediate children that hold something visible, or all scopes that do so themselves."""
        prefix = parent.rstrip("/") + "/"
        used = {row["scope"] for row in self.select(**viewer)}
        if recursive:
            found = {scope for scope in used if contains(parent, scope)}
        else:
            below = [scope for scope in used if scope != "/" and scope.startswith(prefix)]
            found = {prefix + scope[len(prefix) :].split("/")[0] for scope in below}
        return [s for s in sorted(found, key=str.encode) if after is None or s.encode() > after.encode()][
            :limit
        ]

    def scope_info(self, scope: str, **viewer: Any) -> dict[str, Any]:
        """A summary of a scope and the scopes below it."""
        dates = [row["created_at"] for row in self.select(scope=scope, **viewer)]
        return {
            "scope": scope,
            "records": len(dates),
            "categories": self.categories(scope=scope, **viewer),
            "oldest": min(dates, default=None),
            "newest": max(dates, default=None),
            "children": self.scopes(scope, **viewer),
        }

    def duplicates(self, **filters: Any) -> list[list[str]]:
        """The ids of identical texts of one scope, and one source if they are private, oldest first."""
        groups: dict[tuple[object, ...], list[str]] = {}
        for row in self.list(None, 0, "oldest", **filters):
            owner = row["source"] if row["private"] else None
            place = (row["scope"], row["private"], owner, row["content"])
            groups.setdefault(place, []).append(row["id"])
        return [ids for ids in groups.values() if len(ids) > 1]

    def scores(self, query: str, mode: str, vector: list[float] | None, **filters: Any) -> dict[int, float]:
        """The score of every record that passes the filters and matches.

        Statistics are those of the records of the scope that the viewer may see.
        """
        visible = self.select(**filters)
        if mode == "vector":
            return modes.vector(vector or [], visible)
        plain = modes.bm25 if mode == "bm25" else modes.tfidf
        of_population = ("scope", "source", "include_private")
        population = self.select(**{name: filters[name] for name in of_population if name in filters})
        return plain(query, Statistics(population), visible)

    def sharing(self, query: str, **filters: Any) -> set[int]:
        """The records that pass the filters and have a term of the query or another writing of one."""
        parsed = Query(query)
        asked = {*parsed.terms, *writings(parsed, Statistics(self.rows))}
        return {row["seq"] for row in self.select(**filters) if terms_of(row["content"]).keys() & asked}

    # Inside

    def _known(self, id: str) -> Row:
        row = self.find(id)
        if row is None:
            raise Refused(agentmem.RecordNotFoundError)
        return row

    def _write(self, record: Row) -> Row:
        self._check_dimension(self.rows, record)
        row = {**record, "categories": tuple(dict.fromkeys(record["categories"])), "seq": self.next_seq}
        self.rows = [*self.rows, row]
        self.next_seq += 1
        self.move_to(self.now)  # It may have been born expired.
        return row

    def _drop(self, ids: list[str]) -> int:
        """Removes records with their history. Returns how many."""
        before, gone = len(self.rows), set(ids)
        self.rows = [row for row in self.rows if row["id"] not in gone]
        self.past = [row for row in self.past if row["id"] not in gone]
        return before - len(self.rows)

    def _saved(self) -> tuple[Any, ...]:
        return self.rows, self.past, self.journals.entries

    def _restore(self, saved: tuple[Any, ...]) -> None:
        """Restores an earlier state. Numbers are not used twice, so the counter stays."""
        self.rows, self.past, self.journals.entries = saved

    def _check_dimension(self, rows: list[Row], new: Row) -> None:
        others = {len(row["embedding"]) for row in rows if row["embedding"] is not None}
        if new["embedding"] is not None and others - {len(new["embedding"])}:
            raise Refused(agentmem.DimensionMismatchError)


def is_visible(row: Row, source: str | None, include_private: bool) -> bool:
    """Whether the viewer may see the record."""
    return not row["private"] or include_private or (source is not None and row["source"] == source)
