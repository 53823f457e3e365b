"""Generated histories: whatever is done to a store, through whichever handle, it does what the oracle does.

`AGENTMEM_HISTORIES=100000 pytest tests/test_oracle.py` runs more of them.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import postgres_server
import pytest
from clock import START, Clock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from oracle import Oracle
from oracle_journals import Entry, Refused
from ranking import modes
from ranking.statistics import Row
from replica import Replica

import agentmem

TFIDF_CANDIDATES = 200
HISTORIES = int(os.environ.get("AGENTMEM_HISTORIES", "400"))
TOLERANCE = 2e-5
"""The store adds up in 32 bits."""
DAY = datetime(2024, 5, 1, tzinfo=timezone.utc)
LATER = [-10, 5, 30, 100, 5000]
"""Seconds from the first moment of the clock until a record expires; some are over by then."""

WORDS = [
    "apple",
    "apples",
    "red",
    "Alice",
    "deploy",
    "failed",
    "snake_case",
    "parseJson",
    "日本語",
    "喜欢苹果",
    "the",
    "is",
    "naïve",
    "Über",
    "v2",
    "👍",
    "NEAR",
]
IDS = ["a", "b", "A", "01890a5d-ac96-774b-bcce-b302099a8057", "01890A5D-AC96-774B-BCCE-B302099A8057", "é"]
SCOPES = ["/", "/a", "/ab", "/a/b", "/a/b/c", "/a-b", "/a0", "/b", "/ü/x"]
SOURCES = ["alice", "bob"]
CATEGORIES = ["work", "home", "größe", 'quo"te']

ids = st.sampled_from(IDS)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join) | st.sampled_from(["", " \n"])
queries = st.lists(st.sampled_from([*WORDS, "zebra", "what", '"', "*"]), max_size=4).map(" ".join)
scopes = st.sampled_from(SCOPES)
sources = st.none() | st.sampled_from(SOURCES)
dates = st.integers(0, 5).map(lambda days: DAY + timedelta(days=days)) | st.just(START + timedelta(hours=1))
expiries = st.none() | st.sampled_from([START + timedelta(seconds=seconds) for seconds in LATER])
vectors = st.sampled_from([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.5], [0.0, 0.0], [1.0, 0.0, 0.0]])
categories = st.lists(st.sampled_from(CATEGORIES), max_size=3)

KEYS = ["year", "topic", "/year", "/topic/k", "/topic/1", "/topic/01", "/~1x", "/x"]
values = st.sampled_from([0, 1, 1.0, True, None, "x", "xy", 2**63, 2.5, [1, "x"], {"k": 1}])
metadata = st.dictionaries(st.sampled_from(["year", "topic", "/x"]), values, max_size=2)
operators = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne", "$contains"]), values),
    st.tuples(
        st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
        st.sampled_from([0, 2.5, "x", 2**63, 2**70, math.inf, -math.inf]),
    ),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(values, max_size=2)),
    st.tuples(st.just("$exists"), st.booleans()),
).map(lambda pair: dict([pair]))
tests = (
    operators | operators.map(lambda test: {"$not": test}) | values.filter(lambda value: value != {"k": 1})
)
conditions = st.recursive(
    st.dictionaries(st.sampled_from(KEYS), tests, max_size=2),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda parts: {"$and": parts}),
        st.lists(inner, max_size=2).map(lambda parts: {"$or": parts}),
        inner.map(lambda part: {"$not": part}),
    ),
    max_leaves=3,
)


def some_of(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A dict with few of these keys, mostly none."""
    drawn = st.fixed_dictionaries({}, optional=parts)
    return st.just({}) | drawn


viewers = some_of(source=sources, include_private=st.booleans())
filters = some_of(
    scope=scopes,
    categories=categories,
    where=conditions,
    since=dates,
    until=dates,
    source=sources,
    include_private=st.booleans(),
    ids=st.none() | st.lists(ids, max_size=3),
)
fields = {
    "content": texts,
    "scope": scopes,
    "categories": categories,
    "metadata": metadata,
    "importance": st.sampled_from([0.0, 0.5, 0.7]),
    "source": sources,
    "private": st.booleans(),
    "created_at": dates,
    "embedding": st.none() | vectors,
    "expires_at": expiries,
}
records = st.fixed_dictionaries({"id": ids, **fields})
changes = st.fixed_dictionaries({}, optional=fields)
new_fields = some_of(**{name: fields[name] for name in fields if name not in ("content", "created_at")})
conflicts = st.sampled_from(["fail", "replace", "skip"])
versions = st.sampled_from(["none", "none", "current", "remembered", "zero"])
"""What is given as `if_version`, `if_number` or `if_last`."""

names = st.sampled_from(["s", "s/1", "s/12", "t"])
keys = st.sampled_from(["", "a", "a/b", "b", "é"])
journal_values = st.sampled_from([None, True, 1, 2.5, "x", b"x", [1, [None]], {"k": {"n": 2**70}}, "\ud800"])
ttls = st.none() | st.sampled_from([1, 30, 100, 5000])
limits = st.none() | st.integers(0, 4)

# Without vectors: whether those of records that have just expired count is left open.
bare = {name: strategy for name, strategy in fields.items() if name != "embedding"}
bare_records = st.fixed_dictionaries({"id": ids, "embedding": st.none(), **bare})
bare_changes = st.fixed_dictionaries({}, optional=bare)
bare_fields = some_of(**{name: bare[name] for name in bare if name not in ("content", "created_at")})
calls = st.one_of(
    st.fixed_dictionaries(
        {"call": st.just("add"), "record": bare_records, "on_conflict": st.sampled_from(["fail", "skip"])}
    ),
    st.fixed_dictionaries({"call": st.just("put"), "record": bare_records, "if_version": versions}),
    st.fixed_dictionaries(
        {"call": st.just("update"), "id": ids, "changes": bare_changes, "if_version": versions}
    ),
    st.fixed_dictionaries(
        {
            "call": st.just("supersede"),
            "id": ids,
            "content": texts,
            "fields": bare_fields,
            "if_version": versions,
        }
    ),
    st.fixed_dictionaries(
        {"call": st.just("delete"), "ids": ids.map(lambda id: [id]), "if_version": versions}
    ),
    st.fixed_dictionaries({"call": st.just("delete"), "ids": ids.map(lambda id: [id]), "scope": scopes}),
    st.fixed_dictionaries(
        {"call": st.just("touch"), "ids": st.lists(ids, max_size=2), "expires_at": expiries},
        optional={"scope": scopes},
    ),
    st.fixed_dictionaries(
        {"call": st.just("check"), "id": ids, "if_version": versions.filter(lambda v: v != "none")},
        optional={"scope": scopes},
    ),
    st.fixed_dictionaries(
        {"call": st.just("append"), "name": names, "value": journal_values, "if_last": versions}
    ),
    st.fixed_dictionaries(
        {
            "call": st.just("journal_put"),
            "name": names,
            "key": keys,
            "value": journal_values,
            "if_number": versions,
        }
    ),
)


@cache
def template(size: int) -> Path:
    """A store of many records, made once: a copy is opened quicker than a new file is made."""
    folder = Path(tempfile.mkdtemp(prefix="agentmem-template-"))
    with agentmem.open(folder / "memory.db", durability="normal") as store:
        store.add_many(seeds(size))
    return folder


def seeds(size: int) -> list[Row]:
    """Records that a history starts with, the same each time."""
    return [
        {
            "id": f"seed-{n}",
            "content": " ".join(WORDS[(n * step) % len(WORDS)] for step in range(1, 3 + n % 4)) + f" note{n}",
            "scope": SCOPES[n % len(SCOPES)],
            "categories": [CATEGORIES[n % 3]],
            "metadata": {"year": n % 7},
            "importance": 0.5,
            "source": SOURCES[n % 2],
            "private": n % 5 == 0,
            "created_at": DAY + timedelta(minutes=n % 1000),
            "embedding": None,
            "expires_at": None,
        }
        for n in range(size)
    ]


@cache
def seeded(size: int) -> Oracle:
    """The oracle of a history's start."""
    oracle = Oracle(START)
    oracle.add_many(seeds(size))
    return oracle


def outcome(call: Any, *args: Any, **kwargs: Any) -> Any:
    """What a call returns, or the type of what it raises, in a batch with the place of the call."""
    try:
        return call(*args, **kwargs)
    except agentmem.AgentMemError as error:
        at = getattr(error, "at", None)
        return type(error) if at is None else (type(error), at)
    except Refused as refused:
        return refused.kind if refused.at is None else (refused.kind, refused.at)


def as_row(record: agentmem.Record) -> Row:
    """A record without the dates and the number that the store sets itself."""
    row = record.to_dict()
    del row["updated_at"], row["last_accessed"], row["version"]
    return row


def expected(row: Row) -> Row:
    """A row of the oracle, as `as_row` gives it."""
    row = {**row, "categories": list(row["categories"])}
    row.pop("superseded_at", None)
    del row["seq"]
    return row


def same_values(a: Any, b: Any) -> bool:
    """Equal, and of the same type."""
    return type(a) is type(b) and a == b


class Histories(RuleBasedStateMachine):
    """One store, one oracle, three handles."""

    SEEDS = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="agentmem-oracle-"))
        self.clock = Clock()
        self.oracle = Oracle(START)
        self.replica = Replica()
        self.handles: dict[str, agentmem.MemoryStore] = {}
        self.remembered: dict[str, tuple[int, int]] = {}
        """Version and `seq` of some records, as they were at some time."""
        self.numbers: dict[int, int] = {}
        """The store's number of each entry, by the oracle's."""

    @initialize()
    def start(self) -> None:
        if postgres_server.chosen:
            self.path = postgres_server.shared().store(space_depth=0)
            with agentmem.open(self.path) as store:
                store.add_many(seeds(self.SEEDS))
        else:
            shutil.copytree(template(self.SEEDS), self.folder, dirs_exist_ok=True)
            self.path = str(self.folder / "memory.db")
        start = seeded(self.SEEDS)
        self.oracle.rows, self.oracle.next_seq = start.rows, start.next_seq
        for name in ("one", "two", "disk"):
            self.handles[name] = self.opened(name)
        self.handles["one"].count()

    def opened(self, name: str) -> agentmem.MemoryStore:
        mode = "disk" if name == "disk" and not postgres_server.chosen else "memory"
        return agentmem.open(self.path, durability="normal", index=mode, pool_size=2)

    def teardown(self) -> None:
        try:
            for store in self.handles.values():
                self.check_all(store)
                report = store.verify()
                assert report, report.problems
        finally:
            for store in self.handles.values():
                store.close()
            self.clock.release()
            shutil.rmtree(self.folder)

    def check_all(self, store: agentmem.MemoryStore) -> None:
        self.purge(store)
        rows = self.oracle.list(None, 0, include_private=True)
        found = store.list(None, include_private=True)
        assert [as_row(record) for record in found] == [expected(row) for row in rows]
        assert store.stats().records == len(rows)
        for mode in ("bm25", "tfidf"):
            self.check_search(store, "apple red 日本語", mode, 3, 0.0, None, {})
        self.check_journals(store)
        self.check_replica(store)

    def purge(self, store: agentmem.MemoryStore) -> None:
        """Of what has expired nothing is left, and search statistics are those of what is there."""
        store.purge()
        assert store.purge() == 0
        self.oracle.has_expired = self.oracle.has_expired_vectors = False

    @invariant()
    def no_vector_has_expired(self) -> None:
        """It would be left open whether its dimension counts."""
        if self.oracle.has_expired_vectors:
            self.purge(self.handles["one"])

    handle = st.sampled_from(["one", "two", "disk"])

    # Writing

    @rule(name=handle, batch=st.lists(records, min_size=1, max_size=3), on_conflict=conflicts)
    def add(self, name: str, batch: list[Row], on_conflict: str) -> None:
        store = self.handles[name]
        if on_conflict == "replace":
            made = outcome(store.put_many, batch)
        else:
            made = outcome(store.add_many, batch, on_conflict=on_conflict)
        assert made == outcome(self.oracle.add_many, batch, on_conflict)

    @rule(name=handle, record=records, on_conflict=conflicts)
    def add_one(self, name: str, record: Row, on_conflict: str) -> None:
        store = self.handles[name]
        rest = {key: record[key] for key in record if key != "content"}
        known = outcome(self.oracle.add_many, [record], on_conflict)
        if on_conflict == "replace":
            made = outcome(store.put, record["content"], **rest)
        else:
            made = outcome(store.add, record["content"], on_conflict=on_conflict, **rest)
        assert (made if isinstance(made, type) else [made]) == known

    @rule(name=handle, record=records, ttl=st.sampled_from([1, 30, 5000]))
    def put_with_ttl(self, name: str, record: Row, ttl: int) -> None:
        until = self.oracle.now + timedelta(seconds=ttl)
        known = outcome(self.oracle.add_many, [{**record, "expires_at": until}], "replace")
        rest = {key: record[key] for key in record if key not in ("content", "expires_at")}
        made = outcome(self.handles[name].put, record["content"], ttl=ttl, **rest)
        assert (made if isinstance(made, type) else [made]) == known

    @rule(name=handle, record=records, given=versions)
    def put_if(self, name: str, record: Row, given: str) -> None:
        store = self.handles[name]
        theirs, ours = self.as_version(store, record["id"], given)
        known = outcome(self.oracle.add_many, [record], "replace", ours)
        rest = {key: record[key] for key in record if key != "content"}
        made = outcome(store.put, record["content"], if_version=theirs, **rest)
        assert (made if isinstance(made, type) else [made]) == known

    @rule(name=handle, record=records)
    def add_without_id(self, name: str, record: Row) -> None:
        del record["id"]
        made = outcome(self.handles[name].add_many, [record])
        known = made if isinstance(made, list) else ["none was made"]
        assert outcome(self.oracle.add_many, [{"id": known[0], **record}]) == made

    @rule(name=handle, id=ids, changes=changes, given=versions)
    def update(self, name: str, id: str, changes: Row, given: str) -> None:
        store = self.handles[name]
        theirs, ours = self.as_version(store, id, given)
        known = outcome(self.oracle.update, id, changes, ours)
        self.check_record(outcome(store.update, id, if_version=theirs, **changes), known)

    @rule(name=handle, id=ids, content=texts, fields=new_fields, given=versions)
    def supersede(self, name: str, id: str, content: str, fields: Row, given: str) -> None:
        store = self.handles[name]
        theirs, ours = self.as_version(store, id, given)
        known = outcome(self.oracle.supersede, id, content, fields, ours)
        self.check_record(outcome(store.supersede, id, content, if_version=theirs, **fields), known)

    def check_record(self, found: Any, known: Any) -> None:
        assert (as_row(found) if isinstance(found, agentmem.Record) else found) == (
            expected(known) if isinstance(known, dict) else known
        )

    def as_version(self, store: agentmem.MemoryStore, id: str, given: str) -> tuple[int | None, int | None]:
        """What to give as `if_version`, in the store's numbers and in the oracle's."""
        record, row = store.get(id, include_private=True), self.oracle.find(id)
        current = (record.version, row["seq"]) if record and row else (10**9, 10**9)
        match given:
            case "none":
                return None, None
            case "zero":
                return 0, 0
            case "current":
                self.remembered[id] = current
                return current
            case _:
                return self.remembered.get(id, current)

    @rule(name=handle, id=ids, given=versions.filter(lambda given: given != "none"))
    def delete_if(self, name: str, id: str, given: str) -> None:
        store = self.handles[name]
        theirs, ours = self.as_version(store, id, given)
        assert outcome(store.delete, id, if_version=theirs) == outcome(self.oracle.delete, [id], ours)

    @rule(name=handle, batch=st.lists(calls, max_size=5))
    def send_batch(self, name: str, batch: list[dict[str, Any]]) -> None:
        """The same calls, their conditions in the numbers of each side."""
        store = self.handles[name]
        theirs, ours = [], []
        for call in batch:
            call = dict(call)
            kind = call.pop("call")
            mine = dict(call)
            for condition in {"if_version", "if_last", "if_number"} & call.keys():
                call[condition], mine[condition] = self.condition(store, condition, call)
            theirs.append((kind, call))
            ours.append((kind, mine))
        known = outcome(self.oracle.batch, ours)
        made = outcome(self.send, store, theirs)
        assert isinstance(made, list) == isinstance(known, list), (made, known)
        if not isinstance(known, list):
            assert made == known
            return
        for (kind, _), one, other in zip(ours, made, known, strict=True):
            if kind in ("append", "journal_put"):
                self.number(one, other)
            elif kind in ("update", "supersede"):
                self.check_record(one, other)
            elif kind in ("delete", "touch"):
                assert one == other

    def condition(self, store: agentmem.MemoryStore, name: str, call: Row) -> tuple[int | None, int | None]:
        """The condition of one call, for the store and for the oracle."""
        if name == "if_version":
            id = call["record"]["id"] if "record" in call else call.get("id") or call["ids"][0]
            return self.as_version(store, id, call[name])
        if name == "if_last":
            ours = self.oracle.journals.last(call["name"])
        else:
            ours = self.oracle.journals.number(call["name"], call["key"])
        return self.as_number(call[name], ours)

    def as_number(self, given: str, current: int) -> tuple[int | None, int | None]:
        """What to give as `if_last` or `if_number`."""
        match given:
            case "none":
                return None, None
            case "zero":
                return 0, 0
            case "current":
                return self.numbers.get(current, 0), current
            case _:
                return min(self.numbers.values(), default=10**9), min(self.numbers, default=10**9)

    @staticmethod
    def send(store: agentmem.MemoryStore, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Do the calls in a batch; return what each returned."""
        made = []
        with store.batch() as batch:
            for kind, call in calls:
                match kind:
                    case "append":
                        journal = batch.journal(call.pop("name"))
                        made.append(journal.append(**call))
                    case "journal_put":
                        journal = batch.journal(call.pop("name"))
                        made.append(journal.put(**call))
                    case "add" | "put":
                        record = dict(call.pop("record"))
                        made.append(getattr(batch, kind)(record.pop("content"), **record, **call))
                    case "update":
                        made.append(
                            batch.update(call["id"], if_version=call["if_version"], **call["changes"])
                        )
                    case "supersede":
                        rest = {"if_version": call["if_version"], **call["fields"]}
                        made.append(batch.supersede(call["id"], call["content"], **rest))
                    case "delete":
                        made.append(batch.delete(call.pop("ids")[0], **call))
                    case _:
                        made.append(getattr(batch, kind)(**call))
        return [one.value for one in made]

    # Time

    @rule(seconds=st.sampled_from([-1000, -1, 0, 1, 4, 30, 70, 1000]))
    def tick(self, seconds: int) -> None:
        self.clock.move(seconds)
        self.handles["one"].count()  # Time passes for a store when it looks at the clock.
        self.oracle.move_to(self.clock.now)

    @rule(name=handle, scope=st.none() | scopes)
    def purge_scope(self, name: str, scope: str | None) -> None:
        self.handles[name].purge(scope)
        assert self.handles[name].purge(scope) == 0
        if scope in (None, "/"):
            self.purge(self.handles[name])

    @rule(name=handle, ids=st.lists(ids, max_size=3, unique=True), viewer=viewers)
    def delete(self, name: str, ids: list[str], viewer: dict[str, Any]) -> None:
        assert self.handles[name].delete(ids, **viewer) == self.oracle.delete(ids, **viewer)

    @rule(name=handle, ids=st.none() | st.lists(ids, max_size=3, unique=True), filters=filters)
    def delete_filtered(self, name: str, ids: list[str] | None, filters: dict[str, Any]) -> None:
        filters.pop("ids", None)  # `delete` has it as an argument of its own.
        assert outcome(self.handles[name].delete, ids, **filters) == outcome(
            self.oracle.delete, ids, **filters
        )

    @rule(
        name=handle,
        ids=st.lists(ids, max_size=3, unique=True),
        expires_at=expiries,
        scope=st.none() | scopes,
    )
    def touch(self, name: str, ids: list[str], expires_at: datetime | None, scope: str | None) -> None:
        store = self.handles[name]
        before = {id: store.get(id, include_private=True) for id in IDS}
        touchable = {id for id in ids if self.oracle.find(id, scope)}
        made = store.touch(ids, expires_at=expires_at, scope=scope)
        assert made == self.oracle.touch(ids, expires_at, scope)
        for id, record in before.items():
            now = store.get(id, include_private=True)
            assert (now is None) == (self.oracle.find(id) is None)
            if record is not None and now is not None:
                assert now.version == record.version
                touched = id in touchable
                assert now.last_accessed == (self.oracle.now if touched else record.last_accessed)
                expires = expires_at if touched and expires_at else record.expires_at
                assert now == record.replace(last_accessed=now.last_accessed, expires_at=expires)

    @rule(name=handle, scope=st.none() | scopes, sure=st.integers(0, 3))
    def reset(self, name: str, scope: str | None, sure: int) -> None:
        if scope in (None, "/") and sure:
            return  # Seldom, or histories stay short.
        assert self.handles[name].reset(scope) == self.oracle.reset(scope)

    # Handles

    @rule(name=handle)
    def reopen(self, name: str) -> None:
        self.handles[name].close()
        self.handles[name] = self.opened(name)

    @rule(name=handle)
    @precondition(lambda self: len(self.oracle.rows) < 100)
    def rebuild(self, name: str) -> None:
        self.purge(self.handles[name])
        assert self.handles[name].rebuild() == len(self.oracle.rows)

    # Reading

    @rule(name=handle, ids=st.lists(ids, max_size=3), scope=st.none() | scopes, viewer=viewers)
    def get(self, name: str, ids: list[str], scope: str | None, viewer: dict[str, Any]) -> None:
        store = self.handles[name]
        viewer = {"include_private": False, "scope": scope, **viewer}
        rows = [self.oracle.find(id, **viewer) for id in ids]
        known = [row and expected(row) for row in rows]
        for found in (store.get_many(ids, **viewer), [store.get(id, **viewer) for id in ids]):
            assert [record and as_row(record) for record in found] == known

    @rule(name=handle, id=ids, scope=st.none() | scopes, viewer=viewers, moment=dates)
    def look_back(
        self, name: str, id: str, scope: str | None, viewer: dict[str, Any], moment: datetime
    ) -> None:
        store = self.handles[name]
        viewer = {"include_private": False, "scope": scope, **viewer}
        found, known = store.history(id, **viewer), self.oracle.history(id, **viewer)
        assert [{**as_row(record), "embedding": None} for record in found] == [
            {**expected(row), "embedding": None} for row in known
        ]
        assert [record.version for record in found] == sorted({record.version for record in found})
        then = store.get(id, at=moment, scope=scope, include_private=True)
        texts = [row["content"] for row in self.oracle.true_at(id, moment, scope)]
        assert (then is not None) == bool(texts)
        assert then is None or then.content in texts

    @rule(
        name=handle,
        limit=st.none() | st.integers(0, 5),
        offset=st.integers(0, 3),
        order=st.sampled_from(["newest", "newest", "oldest", "written", "updated"]),
        filters=filters,
    )
    def list_and_count(
        self, name: str, limit: int | None, offset: int, order: Any, filters: dict[str, Any]
    ) -> None:
        store = self.handles[name]
        found = store.list(limit, offset, order=order, **filters)
        rows = self.oracle.list(limit, offset, order, **filters)
        by_version = sorted(zip(rows, found, strict=True), key=lambda pair: pair[1].version)
        assert [row["seq"] for row, _ in by_version] == sorted(row["seq"] for row in rows)
        if order == "written" and found and not offset:
            rest = self.oracle.list(limit, 0, order, rows[0]["seq"], **filters)
            later = store.list(limit, order="written", after=found[0].version, **filters)
            assert [as_row(record) for record in later] == [expected(row) for row in rest]
        assert [as_row(record) for record in found] == [expected(row) for row in rows]
        assert store.count(**filters) == len(self.oracle.select(**filters))
        assert list(store.categories(**filters).items()) == list(self.oracle.categories(**filters).items())

    @rule(name=handle, filters=filters)
    def duplicates(self, name: str, filters: dict[str, Any]) -> None:
        groups = self.handles[name].duplicates(limit=10_000, **filters)
        assert sorted([record.id for record in group] for group in groups) == sorted(
            self.oracle.duplicates(**filters)
        )

    @rule(name=handle, limit=st.integers(1, 4))
    def follow(self, name: str, limit: int) -> None:
        self.check_replica(self.handles[name], limit if len(self.oracle.rows) < 100 else 1000)

    def check_replica(self, store: agentmem.MemoryStore, limit: int = 1000) -> None:
        """A reader of the feed knows all that is there; it is not told what expires."""
        self.replica.follow(store, limit, include_private=True)
        known = {row["id"]: row["content"] for row in self.oracle.rows}
        told = self.replica.contents()
        assert {id: told.get(id) for id in known} == known

    @rule(
        name=handle,
        scope=scopes,
        viewer=viewers,
        recursive=st.booleans(),
        after=st.none() | scopes,
        limit=limits,
    )
    def scope_tree(
        self,
        name: str,
        scope: str,
        viewer: dict[str, Any],
        recursive: bool,
        after: str | None,
        limit: int | None,
    ) -> None:
        store = self.handles[name]
        page: dict[str, Any] = {"recursive": recursive, "after": after, "limit": limit, **viewer}
        assert store.scopes(scope, **page) == self.oracle.scopes(scope, **page)
        assert store.scope_info(scope, **viewer).to_dict() == self.oracle.scope_info(scope, **viewer)

    @rule(name=handle, scope=st.none() | scopes)
    def sizes(self, name: str, scope: str | None) -> None:
        """A store of one space has one set of sizes, whichever scope is given."""
        stats = self.handles[name].stats(scope=scope)
        journals = self.oracle.journals
        assert stats.records == len(self.oracle.rows)
        assert (stats.journals, stats.entries) == (len(journals.names()), len(journals.entries))

    @rule(
        name=handle,
        query=queries,
        mode=st.sampled_from(["bm25", "tfidf"]),
        limit=st.integers(0, 6),
        min_score=st.sampled_from([0.0, 0.0, 0.4]),
        filters=filters,
    )
    def search(
        self, name: str, query: str, mode: str, limit: int, min_score: float, filters: dict[str, Any]
    ) -> None:
        self.check_search(self.handles[name], query, mode, limit, min_score, None, filters)

    @rule(name=handle, vector=vectors, limit=st.integers(0, 6), filters=filters)
    def search_vectors(self, name: str, vector: list[float], limit: int, filters: dict[str, Any]) -> None:
        dimensions = {len(row["embedding"]) for row in self.oracle.rows if row["embedding"] is not None}
        if limit and dimensions - {len(vector)}:
            with pytest.raises(agentmem.DimensionMismatchError):
                self.handles[name].search("", limit, mode="vector", vector=vector, **filters)
        elif limit:
            self.check_search(self.handles[name], "", "vector", limit, 0.0, vector, filters)

    def check_search(
        self,
        store: agentmem.MemoryStore,
        query: str,
        mode: str,
        limit: int,
        min_score: float,
        vector: list[float] | None,
        filters: dict[str, Any],
    ) -> None:
        scores = self.oracle.scores(query, mode, vector, **filters)
        rows = {row["id"]: row for row in self.oracle.rows}
        hits = store.search(query, limit, mode=mode, min_score=min_score, vector=vector, **filters)
        found = {rows[hit.record.id]["seq"]: hit.score for hit in hits}
        assert [as_row(hit.record) for hit in hits] == [expected(rows[hit.record.id]) for hit in hits]
        if limit:
            asked: dict[str, Any] = {"mode": mode, "min_score": min_score, "vector": vector, **filters}
            assert (
                store.search(query, limit, offset=2, **asked) == store.search(query, limit + 2, **asked)[2:]
            )
        if self.oracle.has_expired and mode != "vector":
            # What has expired may still count in the statistics: the same records, with other scores.
            assert found.keys() <= scores.keys()
            assert len(found) == min(limit, len(scores)) or min_score
            return
        # The right scores, falling.
        assert {seq: pytest.approx(scores.get(seq), abs=TOLERANCE) for seq in found} == found
        assert list(found.values()) == sorted(found.values(), reverse=True)
        # As many as there are, and none of those left out is better.
        left_out = {seq: score for seq, score in scores.items() if seq not in found}
        surely = [score for score in left_out.values() if score >= min_score + TOLERANCE]
        assert len(found) == limit or not surely
        # Of more records, "tfidf" compares those that its first stage, whose norms know no idf, puts first.
        if found and (mode != "tfidf" or len(scores) <= TFIDF_CANDIDATES):
            assert all(score <= min(found.values()) + TOLERANCE for score in surely)
        assert all(score >= min_score for score in found.values())
        # Of records that are alike to a search the newest are found, newest first.
        like = "embedding" if mode == "vector" else "content"
        kind = {row["seq"]: str(row[like]) for row in rows.values()}
        for one, seq in enumerate(found):
            later = [*list(found)[one + 1 :], *(s for s in left_out if scores[s] >= min_score + TOLERANCE)]
            assert all(other < seq for other in later if kind[other] == kind[seq])

    @rule(name=handle, query=queries, limit=st.integers(0, 6), filters=filters, vector=st.none() | vectors)
    def search_hybrid(
        self, name: str, query: str, limit: int, filters: dict[str, Any], vector: list[float] | None
    ) -> None:
        store = self.handles[name]
        dimensions = {len(row["embedding"]) for row in self.oracle.rows if row["embedding"] is not None}
        vector = None if vector is None or dimensions - {len(vector)} else vector
        hits = store.search(query, limit, vector=vector, **filters)
        passing = {row["id"]: row for row in self.oracle.select(**filters)}
        assert [as_row(hit.record) for hit in hits] == [expected(passing[hit.record.id]) for hit in hits]
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        # Records with a term of the query, and with a vector if the search has one. Search also finds other
        # forms of a word, but no two of WORDS are forms of one another that have different terms.
        near = modes.vector(vector, list(passing.values())) if vector else {}
        wanted = self.oracle.sharing(query, **filters) | set(near)
        found = {passing[hit.record.id]["seq"] for hit in hits}
        assert found <= wanted
        assert len(found) == min(limit, len(wanted))
        assert store.search_many([query, "red"], limit, vectors=vector and [vector] * 2, **filters)[0] == hits

    # Journals

    def number(self, theirs: int, ours: int) -> None:
        """A new entry: its number is higher than any before."""
        assert theirs > max(self.numbers.values(), default=0)
        self.numbers[ours] = theirs

    def check_entries(self, found: list[Any], known: list[Entry]) -> None:
        """The same entries, in the same order."""
        assert [(e.number, e.key, e.written_at, e.expires_at) for e in found] == [
            (self.numbers[e["number"]], e["key"], e["written_at"], e["expires_at"]) for e in known
        ]
        assert all(same_values(e.value, k["value"]) for e, k in zip(found, known, strict=True))

    def check_journals(self, store: agentmem.MemoryStore) -> None:
        """All that is in them."""
        assert store.journals() == self.oracle.journals.names()
        for name in store.journals():
            self.check_entries(store.journal(name).read(), self.oracle.journals.read(name))
            self.check_entries(store.journal(name).items(), self.oracle.journals.items(name))

    @rule(name=handle, journal=names, values=st.lists(journal_values, max_size=3), ttl=ttls, given=versions)
    def extend(self, name: str, journal: str, values: list[Any], ttl: int | None, given: str) -> None:
        theirs, ours = self.as_number(given, self.oracle.journals.last(journal))
        known = outcome(self.oracle.journals.extend, journal, values, ttl, ours)
        made = outcome(self.handles[name].journal(journal).extend, values, ttl=ttl, if_last=theirs)
        assert isinstance(made, list) == isinstance(known, list), (made, known)
        if not isinstance(known, list):
            assert made == known
            return
        for one, other in zip(made, known, strict=True):
            self.number(one, other)

    @rule(name=handle, journal=names, key=keys, value=journal_values, ttl=ttls, given=versions)
    def put_key(self, name: str, journal: str, key: str, value: Any, ttl: int | None, given: str) -> None:
        theirs, ours = self.as_number(given, self.oracle.journals.number(journal, key))
        known = outcome(self.oracle.journals.put, journal, key, value, ttl, ours)
        made = outcome(self.handles[name].journal(journal).put, key, value, ttl=ttl, if_number=theirs)
        assert isinstance(made, int) == isinstance(known, int), (made, known)
        if isinstance(known, int):
            self.number(made, known)
            assert same_values(self.handles[name].journal(journal).get(key), value)

    @rule(name=handle, journal=names)
    def pop(self, name: str, journal: str) -> None:
        found, known = self.handles[name].journal(journal).pop(), self.oracle.journals.pop(journal)
        self.check_entries([found] if found else [], [known] if known else [])

    @rule(
        name=handle,
        journal=names,
        keep=st.none() | st.integers(0, 3),
        seconds=st.none() | st.integers(0, 100),
    )
    def prune(self, name: str, journal: str, keep: int | None, seconds: int | None) -> None:
        if keep is None and seconds is None:
            return
        before = None if seconds is None else START + timedelta(seconds=seconds)
        made = self.handles[name].journal(journal).prune(keep=keep, before=before)
        assert made == self.oracle.journals.prune(journal, keep, before)

    @rule(name=handle, journal=names, some=st.lists(keys, max_size=2), data=st.data())
    def delete_entries(self, name: str, journal: str, some: list[str], data: st.DataObject) -> None:
        numbers = data.draw(st.lists(st.sampled_from([0, *self.numbers]), max_size=2))
        theirs = [self.numbers.get(number, 10**9) for number in numbers]
        made = self.handles[name].journal(journal).delete(some, numbers=theirs)
        assert made == self.oracle.journals.delete(journal, some, numbers)

    @rule(name=handle, journal=names, given=versions)
    def clear(self, name: str, journal: str, given: str) -> None:
        theirs, ours = self.as_number(given, self.oracle.journals.last(journal))
        known = outcome(self.oracle.journals.clear, journal, ours)
        assert outcome(self.handles[name].journal(journal).clear, if_last=theirs) == known

    @rule(name=handle, journal=names, last=limits, limit=limits, data=st.data())
    def read_log(
        self, name: str, journal: str, last: int | None, limit: int | None, data: st.DataObject
    ) -> None:
        log = self.handles[name].journal(journal)
        if last is not None:
            self.check_entries(log.read(last=last), self.oracle.journals.read(journal, last))
            return
        ours = data.draw(st.none() | st.sampled_from([0, *self.numbers]))
        theirs = self.numbers.get(ours, 0) if ours is not None else None
        known = self.oracle.journals.read(journal, None, ours, limit)
        self.check_entries(log.read(after=theirs, limit=limit), known)

    @rule(
        name=handle,
        journal=names,
        prefix=keys,
        after=st.none() | keys,
        limit=limits,
        reverse=st.booleans(),
    )
    def read_map(
        self, name: str, journal: str, prefix: str, after: str | None, limit: int | None, reverse: bool
    ) -> None:
        states = self.handles[name].journal(journal)
        known = self.oracle.journals.items(journal, prefix, after, limit, reverse)
        page: dict[str, Any] = {"after": after, "limit": limit, "reverse": reverse}
        self.check_entries(states.items(prefix, **page), known)
        assert states.keys(prefix, **page) == [entry["key"] for entry in known]
        wanted = [entry["key"] for entry in known] + ["missing"]
        assert states.get_many(wanted) == {entry.key: entry for entry in states.items(prefix, **page)}

    @rule(name=handle, prefix=names, after=st.none() | names, limit=limits)
    def list_journals(self, name: str, prefix: str, after: str | None, limit: int | None) -> None:
        found = self.handles[name].journals(prefix, after=after, limit=limit)
        assert found == self.oracle.journals.names(prefix, after, limit)

    @rule(name=handle, sure=st.integers(0, 5))
    def reset_everything(self, name: str, sure: int) -> None:
        if not sure:
            assert self.handles[name].reset(journals=True) == self.oracle.reset(None, True)


class LongHistories(Histories):
    """The same on a store whose index is partly in files."""

    SEEDS = 4200


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=HISTORIES,
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestLongHistories = LongHistories.TestCase
TestLongHistories.settings = settings(
    TestHistories.settings, max_examples=max(1, HISTORIES // 250), stateful_step_count=15
)
