"""Generated histories: whatever is done to a store, through whichever handle, it does what the oracle does.

`AGENTMEM_HISTORIES=100000 pytest tests/test_oracle.py` runs more of them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from oracle import Oracle
from ranking import modes
from ranking.statistics import Row

import agentmem

TFIDF_CANDIDATES = 200
HISTORIES = int(os.environ.get("AGENTMEM_HISTORIES", "400"))
TOLERANCE = 2e-5
"""The store adds up in 32 bits."""
DAY = datetime(2024, 5, 1, tzinfo=timezone.utc)

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
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
queries = st.lists(st.sampled_from([*WORDS, "zebra", "what", '"', "*"]), max_size=4).map(" ".join)
scopes = st.sampled_from(SCOPES)
sources = st.none() | st.sampled_from(SOURCES)
dates = st.integers(0, 5).map(lambda days: DAY + timedelta(days=days))
vectors = st.sampled_from([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.5], [0.0, 0.0], [1.0, 0.0, 0.0]])
categories = st.lists(st.sampled_from(CATEGORIES), max_size=3)

values = st.sampled_from([0, 1, 1.0, True, None, "x", "xy", 2**63, 2.5, [1, "x"], {"k": 1}])
metadata = st.dictionaries(st.sampled_from(["year", "topic"]), values, max_size=2)
operators = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne", "$contains"]), values),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), st.sampled_from([0, 1, 2.5, "x", 2**63])),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(values, max_size=2)),
    st.tuples(st.just("$exists"), st.booleans()),
).map(lambda pair: dict([pair]))
tests = (
    operators | operators.map(lambda test: {"$not": test}) | values.filter(lambda value: value != {"k": 1})
)
conditions = st.recursive(
    st.dictionaries(st.sampled_from(["year", "topic"]), tests, max_size=2),
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
}
records = st.fixed_dictionaries({"id": ids, **fields})
changes = st.fixed_dictionaries({}, optional=fields)


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
        }
        for n in range(size)
    ]


def outcome(call: Any, *args: Any, **kwargs: Any) -> Any:
    """What a call returns, or the type of what it raises."""
    try:
        return call(*args, **kwargs)
    except agentmem.AgentMemError as error:
        return type(error)


def as_row(record: agentmem.Record) -> Row:
    """A record without the dates that the store sets itself."""
    row = record.to_dict()
    del row["updated_at"], row["last_accessed"]
    return row


def expected(row: Row) -> Row:
    """A row of the oracle, as `as_row` gives it."""
    row = {**row, "categories": list(row["categories"])}
    del row["seq"]
    return row


class Histories(RuleBasedStateMachine):
    """One file, one oracle, three handles."""

    SEEDS = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="agentmem-oracle-"))
        self.oracle = Oracle()
        self.handles: dict[str, agentmem.MemoryStore] = {}

    @initialize()
    def start(self) -> None:
        shutil.copytree(template(self.SEEDS), self.folder, dirs_exist_ok=True)
        self.oracle.add_many(seeds(self.SEEDS))
        for name in ("one", "two", "disk"):
            self.handles[name] = self.opened(name)

    def opened(self, name: str) -> agentmem.MemoryStore:
        mode = "disk" if name == "disk" else "memory"
        return agentmem.open(self.folder / "memory.db", durability="normal", index=mode, pool_size=2)

    def teardown(self) -> None:
        try:
            for store in self.handles.values():
                self.check_all(store)
                report = store.verify()
                assert report, report.problems
        finally:
            for store in self.handles.values():
                store.close()
            shutil.rmtree(self.folder)

    def check_all(self, store: agentmem.MemoryStore) -> None:
        rows = self.oracle.list(None, 0, include_private=True)
        found = store.list(None, include_private=True)
        assert [as_row(record) for record in found] == [expected(row) for row in rows]
        assert store.stats().records == len(rows)
        for mode in ("bm25", "tfidf"):
            self.check_search(store, "apple red 日本語", mode, 3, 0.0, None, {})

    handle = st.sampled_from(["one", "two", "disk"])

    # Writing

    @rule(name=handle, batch=st.lists(records, min_size=1, max_size=3), replace=st.booleans())
    def add(self, name: str, batch: list[Row], replace: bool) -> None:
        store = self.handles[name]
        write = store.put_many if replace else store.add_many
        assert outcome(write, batch) == outcome(self.oracle.add_many, batch, replace)

    @rule(name=handle, record=records, replace=st.booleans())
    def add_one(self, name: str, record: Row, replace: bool) -> None:
        store = self.handles[name]
        rest = {key: record[key] for key in record if key != "content"}
        known = outcome(self.oracle.add_many, [record], replace)
        made = outcome(store.put if replace else store.add, record["content"], **rest)
        assert (made if isinstance(made, type) else [made]) == known

    @rule(name=handle, record=records)
    def add_without_id(self, name: str, record: Row) -> None:
        del record["id"]
        made = outcome(self.handles[name].add_many, [record])
        known = made if isinstance(made, list) else ["none was made"]
        assert outcome(self.oracle.add_many, [{"id": known[0], **record}]) == made

    @rule(name=handle, id=ids, changes=changes)
    def update(self, name: str, id: str, changes: Row) -> None:
        known = outcome(self.oracle.update, id, changes)
        found = outcome(self.handles[name].update, id, **changes)
        assert (as_row(found) if isinstance(found, agentmem.Record) else found) == (
            expected(known) if isinstance(known, dict) else known
        )

    @rule(name=handle, ids=st.lists(ids, max_size=3, unique=True), viewer=viewers)
    def delete(self, name: str, ids: list[str], viewer: dict[str, Any]) -> None:
        assert self.handles[name].delete(ids, **viewer) == self.oracle.delete(ids, **viewer)

    @rule(name=handle, ids=st.none() | st.lists(ids, max_size=3, unique=True), filters=filters)
    def delete_filtered(self, name: str, ids: list[str] | None, filters: dict[str, Any]) -> None:
        assert outcome(self.handles[name].delete, ids, **filters) == outcome(
            self.oracle.delete, ids, **filters
        )

    @rule(name=handle, ids=st.lists(ids, max_size=3, unique=True))
    def touch(self, name: str, ids: list[str]) -> None:
        store = self.handles[name]
        before = {id: store.get(id, include_private=True) for id in IDS}
        assert store.touch(ids) == sum(self.oracle.find(id) is not None for id in ids)
        for id, record in before.items():
            now = store.get(id, include_private=True)
            if record is not None:
                assert now.replace(last_accessed=record.last_accessed) == record
                assert (now.last_accessed > record.last_accessed) == (id in ids)

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
        assert self.handles[name].rebuild() == len(self.oracle.rows)

    # Reading

    @rule(name=handle, id=ids, viewer=viewers)
    def get(self, name: str, id: str, viewer: dict[str, Any]) -> None:
        viewer = {"include_private": False, **viewer}
        found, row = self.handles[name].get(id, **viewer), self.oracle.find(id, **viewer)
        assert (found and as_row(found)) == (row and expected(row))

    @rule(name=handle, limit=st.none() | st.integers(0, 5), offset=st.integers(0, 3), filters=filters)
    def list_and_count(self, name: str, limit: int | None, offset: int, filters: dict[str, Any]) -> None:
        store = self.handles[name]
        found = store.list(limit, offset, **filters)
        rows = self.oracle.list(limit, offset, **filters)
        assert [as_row(record) for record in found] == [expected(row) for row in rows]
        assert store.count(**filters) == len(self.oracle.select(**filters))
        assert list(store.categories(**filters).items()) == list(self.oracle.categories(**filters).items())

    @rule(name=handle, scope=scopes, viewer=viewers)
    def scope_tree(self, name: str, scope: str, viewer: dict[str, Any]) -> None:
        store = self.handles[name]
        assert store.scopes(scope, **viewer) == self.oracle.scopes(scope, **viewer)
        assert store.scope_info(scope, **viewer).to_dict() == self.oracle.scope_info(scope, **viewer)

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
