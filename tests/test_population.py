"""Searches depend on the records of the scope that the viewer may see, and on no others."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_ranking import VECTORS, Both, contents, empty_store, open_both, queries

import agentmem
from agentmem import MemoryStore

EXAMPLES = int(os.environ.get("AGENTMEM_RANKINGS", "100")) // 4

Row = dict[str, Any]

WAYS: list[dict[str, Any]] = [
    {},
    {"dialogue": True},
    {"mode": "bm25"},
    {"mode": "tfidf"},
    {"vector": VECTORS[0]},
    {"vector": VECTORS[1], "mode": "vector"},
]
VIEWERS: list[dict[str, Any]] = [
    {"scope": "/t/1"},
    {"scope": "/t/1", "source": "alice"},
    {"scope": "/t/1", "source": "alice", "categories": ["even"]},
    {"scope": "/t/1/x", "source": "alice"},
]

common = {"content": contents, "embedding": st.none() | st.sampled_from(VECTORS)}
own = st.fixed_dictionaries(
    {
        **common,
        "scope": st.sampled_from(["/t/1", "/t/1/x"]),
        "source": st.sampled_from(["alice", "bob"]),
        "categories": st.sampled_from([["even"], ["odd"]]),
    }
)
hidden = st.fixed_dictionaries(
    {
        **common,
        "scope": st.sampled_from(["/t/1", "/t/1/x"]),
        "source": st.just("eve"),
        "private": st.just(True),
    }
)
foreign = st.fixed_dictionaries({**common, "scope": st.sampled_from(["/", "/t", "/t/2", "/t/10"])})


def answers(
    store: MemoryStore, query: str, ids: list[str], viewers: list[dict[str, Any]] = VIEWERS
) -> list[object]:
    """Everything that the viewers are told."""
    found: list[object] = []
    for viewer in viewers:
        for way in WAYS:
            hits = store.search(query, 100, **way, **viewer)
            found.append([(hit.record.id, hit.score, dict(hit.explain)) for hit in hits])
        found += [store.explain(query, id, **viewer) for id in ids[:2]]
    return found


@contextmanager
def alone_and_mixed(rows: list[tuple[Row, list[Row]]]) -> Iterator[tuple[Both, Both, list[str]]]:
    """A store of own records, one with strangers between them, and the ids of the own ones."""
    ids = [f"own{number}" for number in range(len(rows))]
    with tempfile.TemporaryDirectory(prefix="agentmem-population-") as folder:
        paths = [Path(folder) / name / "memory.db" for name in ("alone", "mixed")]
        for path in paths:
            shutil.copytree(empty_store(), path.parent)
        with open_both(paths[0]) as alone, open_both(paths[1]) as mixed:
            alone.handles[0].add_many([{**row, "id": id} for (row, _), id in zip(rows, ids, strict=True)])
            mixed.handles[0].add_many(
                [
                    record
                    for (row, strangers), id in zip(rows, ids, strict=True)
                    for record in [{**row, "id": id}, *strangers]
                ]
            )
            yield alone, mixed, ids


@given(
    rows=st.lists(st.tuples(own, st.lists(hidden | foreign, max_size=2)), min_size=1, max_size=8),
    crowd=st.lists(foreign | hidden, max_size=12),
    query=queries,
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_records_of_others_change_nothing(
    rows: list[tuple[Row, list[Row]]], crowd: list[Row], query: str
) -> None:
    with alone_and_mixed(rows) as (alone, mixed, ids):
        # Each kind of index for itself: the one in memory holds rounded vectors.
        expected = [answers(store, query, ids) for store in alone.handles]
        assert [answers(store, query, ids) for store in mixed.handles] == expected
        added = alone.handles[0].add_many(crowd)
        assert [answers(store, query, ids) for store in alone.handles] == expected
        alone.handles[0].delete(added)
        assert [answers(store, query, ids) for store in alone.handles] == expected


@given(rows=st.lists(st.tuples(own, st.lists(hidden, max_size=2)), min_size=1, max_size=8), query=queries)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_private_records_of_others_change_nothing_in_the_whole_store(
    rows: list[tuple[Row, list[Row]]], query: str
) -> None:
    viewers: list[dict[str, Any]] = [{}, {"source": "alice"}, {"source": "alice", "categories": ["odd"]}]
    with alone_and_mixed(rows) as (alone, mixed, ids):
        for one, other in zip(alone.handles, mixed.handles, strict=True):
            assert answers(one, query, ids, viewers) == answers(other, query, ids, viewers)


@pytest.mark.parametrize("mode", ["hybrid", "bm25", "tfidf"])
def test_a_tenants_score_does_not_depend_on_others(store: MemoryStore, mode: Any) -> None:
    store.add("Ines keeps the safe key in the blue drawer.", scope="/t/1")
    own = store.search("safe key", mode=mode, scope="/t/1")
    public = store.search("safe key", mode=mode)
    store.add_many([{"content": f"Safe key {n}", "private": True, "source": "eve"} for n in range(500)])
    assert [hit.score for hit in store.search("safe key", mode=mode)] == [hit.score for hit in public]
    store.add_many([{"content": f"The safe key {n} is lost.", "scope": "/t/2"} for n in range(500)])
    assert [hit.score for hit in store.search("safe key", mode=mode, scope="/t/1")] == [
        hit.score for hit in own
    ]


def test_words_of_others_are_no_forms(store: MemoryStore) -> None:
    store.add("The kitchen is blue.", scope="/t/1")
    store.add_many([{"content": f"kitch{end}n", "scope": "/t/2"} for end in "abcdfghijklmnopqrstuvwxyz"])
    (hit,) = store.search("kitcen", scope="/t/1")
    assert hit.record.content == "The kitchen is blue."


def test_other_filters_do_not_change_the_score(store: MemoryStore) -> None:
    store.add("The red car", scope="/t", categories=["a"])
    store.add_many([{"content": f"A red bike {n}", "scope": "/t", "categories": ["b"]} for n in range(9)])
    everything = {hit.record.id: hit.score for hit in store.search("red car", mode="bm25", scope="/t")}
    (hit,) = store.search("red car", mode="bm25", scope="/t", categories=["a"])
    assert hit.score == everything[hit.record.id]


@pytest.mark.file
def test_a_scope_that_changes_is_searched_as_it_is(store: MemoryStore) -> None:
    """Its statistics follow additions, updates and deletions."""
    store.add_many([{"content": f"Something else {n}", "scope": "/t/2"} for n in range(50)])
    ids = store.add_many([{"content": f"A red car {n}", "scope": "/t/1"} for n in range(9)])
    store.search("red car", scope="/t/1")
    store.update(ids[0], content="A red bike")
    store.delete(ids[1:4])
    store.add("A blue car", scope="/t/1")
    found = store.search("red car", scope="/t/1")
    with agentmem.open(Path(store.path).parent / "fresh.db", durability="normal") as fresh:
        records = store.list(scope="/t/1", order="written")
        fresh.add_many([{"content": record.content, "scope": "/t/1"} for record in records])
        expected = fresh.search("red car", scope="/t/1")
    assert [(hit.record.content, hit.score, hit.explain) for hit in found] == [
        (hit.record.content, hit.score, hit.explain) for hit in expected
    ]
