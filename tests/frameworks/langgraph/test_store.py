"""AgentMemStore beyond the tests of LangGraph's own stores."""

import asyncio
import copy
import subprocess
import sys
import threading
import time
from itertools import chain

import documentation
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

import agentmem
from agentmem.langgraph import AgentMemStore

characters = st.one_of(st.characters(codec="utf-8"), st.sampled_from("/%* ab\n"))
labels = st.text(characters, min_size=1, max_size=6).filter(lambda text: not {".", "\0"} & set(text))
spaces = st.lists(labels, min_size=1, max_size=3).map(tuple).filter(lambda space: space[0] != "langgraph")
keys = st.text(characters, max_size=5)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
values = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "a/b", "~"]), scalars | st.lists(scalars, max_size=2), max_size=3
)


@pytest.fixture
def store(path):
    store = AgentMemStore(path)
    yield store
    store.close()


def letters(texts):
    """Embeds a text as how often it has a, b and c."""
    return [[float(text.count(letter)) for letter in "abc"] for text in texts]


@pytest.fixture
def embedding(path):
    store = AgentMemStore(path, index={"dims": 3, "embed": letters, "fields": ["x", "y[*]"]})
    yield store
    store.close()


def found(items):
    return {(item.namespace, item.key): item.value for item in items}


def keys_of(items):
    return [item.key for item in items]


operations = st.one_of(
    st.tuples(st.just("put"), spaces, keys, values),
    st.tuples(st.just("delete"), spaces, keys, st.none()),
)


@given(st.lists(operations, max_size=8), spaces, keys, st.integers(0, 3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_it_holds_what_the_store_in_memory_holds(path, history, space, key, depth):
    store, model = AgentMemStore(path), InMemoryStore()
    store.store.reset()
    for kind, namespace, name, value in history:
        for each in (store, model):
            each.put(namespace, name, value) if kind == "put" else each.delete(namespace, name)
    put = [(namespace, name) for _, namespace, name, _ in history]
    for namespace, name in [*put, (space, key)]:
        mine, other = store.get(namespace, name), model.get(namespace, name)
        assert (mine and mine.value) == (other and other.value)
        for prefix in (namespace[:n] for n in range(len(namespace) + 1)):
            assert found(store.search(prefix, limit=99)) == found(model.search(prefix, limit=99))
    held = {item.namespace for item in model.search((), limit=99)}
    assert store.list_namespaces(max_depth=depth or None) == sorted({n[: depth or None] for n in held})
    store.store.close()


def test_the_newest_write_comes_first_and_pages_are_complete(store):
    for n in range(25):
        store.put(("users",), str(n), {"n": n})
    store.put(("users",), "3", {"n": 99})
    pages = [keys_of(store.search(("users",), limit=10, offset=offset)) for offset in (0, 10, 20)]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert list(chain(*pages)) == ["3", *[str(n) for n in range(24, -1, -1) if n != 3]]


def test_an_update_keeps_when_the_item_was_made(store):
    store.put(("users",), "a", {"n": 1})
    before = store.get(("users",), "a")
    store.put(("users",), "a", {"n": 2})
    after = store.get(("users",), "a")
    assert after.created_at == before.created_at == before.updated_at < after.updated_at
    assert after.updated_at.tzinfo is not None


def test_a_batch_reads_before_it_writes_and_the_last_write_of_a_key_wins(store):
    store.put(("a",), "k", {"n": 1})
    ops = (
        op
        for op in [
            PutOp(("a",), "k", {"n": 2}),
            GetOp(("a",), "k"),
            PutOp(["a"], "k", {"n": 3}),
            SearchOp(("a",)),
            PutOp(("b",), "new", {}),
            ListNamespacesOp(),
        ]
    )
    results = store.batch(ops)
    assert results[1].value == results[3][0].value == {"n": 1}
    assert results[5] == [("a",)]
    assert store.get(("a",), "k").value == {"n": 3}
    assert store.get(("b",), "new").value == {}


@pytest.mark.parametrize("value", [{"a": object()}, {"a": float("nan")}, {"a": 2**70}, {1: "a"}, {"a": b""}])
def test_a_value_that_json_cannot_hold_stops_the_whole_batch(store, value):
    store.put(("a",), "old", {})
    with pytest.raises(agentmem.InvalidRecordError):
        store.batch([PutOp(("a",), "new", {}), PutOp(("a",), "old", None), PutOp(("a",), "bad", value)])
    assert keys_of(store.search(())) == ["old"]


def test_an_invalid_operation_stops_the_whole_batch(store):
    negative = SearchOp(("a",), query="k", offset=-1), ListNamespacesOp(limit=-1)
    for bad in (PutOp(("a.b",), "k", {}), SearchOp(("",)), *negative, "nonsense"):
        with pytest.raises((InvalidNamespaceError, ValueError)):
            store.batch([PutOp(("a",), "k", {}), bad])
    assert store.search(()) == []


def test_what_get_returns_is_a_copy(store):
    given = {"list": [1]}
    store.put(("a",), "k", given)
    given["list"].append(2)
    store.get(("a",), "k").value["list"].append(3)
    assert store.get(("a",), "k").value == {"list": [1]}


@pytest.mark.parametrize(
    "namespace",
    [
        ("x" * 3000,),
        ("é" * 1500, "b"),
        tuple("level" + str(n) for n in range(100)),
        ("a", "ü" * 900, "c" * 900),
    ],
)
def test_long_and_deep_namespaces(store, namespace):
    other = (*namespace[:-1], namespace[-1] + "x")
    below = (*namespace, "below")
    for each in (namespace, other, below):
        store.put(each, "k" * 5000, {"name": list(each)})
    assert store.get(namespace, "k" * 5000).namespace == namespace
    assert {item.namespace for item in store.search(namespace)} == {namespace, below}
    assert [item.namespace for item in store.search(below)] == [below]
    assert store.list_namespaces() == sorted([namespace, other, below])
    assert store.list_namespaces(prefix=namespace) == [namespace, below]
    assert store.list_namespaces(suffix=namespace[-1:]) == [namespace]


def test_empty_conditions_match_every_namespace(store):
    store.put(("a", "b"), "k", {})
    for kind in ("prefix", "suffix"):
        conditions = (MatchCondition(kind, ()), MatchCondition(kind, ("*",)))
        assert store.batch([ListNamespacesOp(conditions)]) == [[("a", "b")]]
        assert store.batch([ListNamespacesOp((MatchCondition(kind, ("*",) * 3),))]) == [[]]


def test_names_that_look_alike_are_different(store):
    names = [("a", "b"), ("a/b",), ("a%2Fb",), ("a b",), (" a",), ("a\u00a0",), ("A", "b"), ("%",), ("*",)]
    for number, name in enumerate(names):
        store.put(name, "k", {"n": number})
        store.put(("a",), str(name), {"n": number})
    assert [store.get(name, "k").value["n"] for name in names] == list(range(len(names)))
    assert [store.search(name)[0].value["n"] for name in names] == list(range(len(names)))
    assert set(store.list_namespaces()) == {*names, ("a",)}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"n": 1}, "a"),
        ({"n": {"$gte": 1, "$lt": 3}}, "ab"),
        ({"n": {"$gt": 1}, "kind": "x"}, "b"),
        ({"n": {"$ne": 1}}, "bcd"),
        ({"kind": {"$gt": "w"}}, "ab"),
        ({"n": {"$lt": float("inf")}}, "abc"),
        ({"n": {"$lt": 10**100}}, "abc"),
        ({"n": {"$eq": float("nan")}}, ""),
        ({"kind": None}, "cd"),
        ({"kind": {"$ne": None}}, "ab"),
        ({"user": {"name": "ann"}}, "a"),
        ({"user": {"name": {"$ne": "ann"}}}, "b"),
        ({"user": {}}, "ab"),
        ({"user": {"town": None}}, "ab"),
        ({"n": {}}, ""),
        ({"tags": {}}, ""),
        ({"tags": {"0": "p"}}, ""),
        ({"tags": {"x": None}}, ""),
        ({"user": {"pets": {}}}, ""),
        ({"user.pets": {}}, ""),
        ({"places": {}}, "b"),
        ({"n": {"x": None}}, ""),
        ({"kind": {}}, ""),
        ({"flag": {}}, ""),
        ({"user.name": "bob"}, "b"),
        ({"user.name": None}, "cd"),
        ({"user.name": {"$ne": "ann"}}, "bcd"),
        ({"a.b": 5}, "d"),
        ({"tags": ["p", "q"]}, "c"),
        ({"tags": ("p", "q")}, "c"),
        ({"tags": ["p"]}, ""),
        ({"tags": {"$eq": ["p", "q"]}}, "c"),
        ({"flag": True}, "d"),
        ({"un/usual~ key": 1}, "d"),
        ({"missing": "x"}, ""),
        ({}, "abcd"),
    ],
    ids=str,
)
def test_filters(store, filter, expected):
    store.put(("t",), "a", {"n": 1, "kind": "x", "user": {"name": "ann", "age": 3, "pets": ["cat"]}})
    store.put(("t",), "b", {"n": 2, "kind": "x", "user": {"name": "bob"}, "places": {"0": []}})
    store.put(("t",), "c", {"n": 3, "kind": None, "tags": ["p", "q"]})
    store.put(("t",), "d", {"a.b": 5, "flag": True, "un/usual~ key": 1})
    assert sorted(keys_of(store.search(("t",), filter=filter))) == list(expected)
    assert sorted(keys_of(store.search(("t",), filter=filter, query="bob"))) == list(expected)


plain = st.integers(0, 2) | st.sampled_from(["a", "b"]) | st.none()
nested = plain | st.lists(plain, max_size=2) | st.dictionaries(st.sampled_from("ab/~"), plain, max_size=2)
dicts = st.dictionaries(st.sampled_from("ab/~"), nested, max_size=3)
conditions = nested | st.builds(lambda name, operand: {name: operand}, st.sampled_from(["$eq", "$ne"]), plain)


@given(
    st.lists(dicts, min_size=1, max_size=6), st.dictionaries(st.sampled_from("ab/~"), conditions, max_size=2)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_filters_mean_what_they_mean_in_the_store_in_memory(store, items, filter):
    model = InMemoryStore()
    store.batch([PutOp(("t",), key, None) for key in keys_of(store.search(("t",)))])
    for n, value in enumerate(items):
        store.put(("t",), str(n), value)
        model.put(("t",), str(n), value)
    assert found(store.search(("t",), filter=filter)) == found(model.search(("t",), filter=filter))


@pytest.mark.parametrize("filter", [{"n": {"$in": [1]}}, {"n": {"$gt": None}}, {"n": {"$gt": 1, "x": 2}}])
def test_other_operators_are_refused(store, filter):
    with pytest.raises(ValueError, match=r"operator|filter"):
        store.search(("t",), filter=filter)


@pytest.mark.parametrize("filter", [{1: "x"}, {"n": {1: "x"}}, {("a",): {}}, {"n": {None: {"$gt": 1}}}])
def test_filter_keys_that_are_not_text_are_refused(store, filter):
    with pytest.raises(agentmem.InvalidFilterError, match="keys of a filter must be text"):
        store.search(("t",), filter=filter)


def test_words_find_items_without_an_embedder_and_the_others_follow(store):
    store.put(("m",), "contact", {"text": "Alice prefers email.", "favourite_colour": "blue"})
    store.put(("m",), "food", {"text": "Bob likes\nnoodles."})
    store.put(("m",), "hidden", {"text": "email email email"}, index=False)
    items = store.search(("m",), query="who prefers emails?")
    assert keys_of(items) == ["contact", "hidden", "food"]
    assert 0.5 < items[0].score <= 1
    assert [item.score for item in items[1:]] == [None, None]
    assert keys_of(store.search(("m",), query="noodle", limit=1)) == ["food"]
    assert keys_of(store.search(("m",), query="favourite colour", limit=1)) == ["contact"]


def test_fields_say_what_is_searched(path):
    store = AgentMemStore(path, index={"fields": ["title", "parts[*].text"]})
    store.put(
        ("m",), "1", {"title": "alpha", "parts": [{"text": "beta"}, {"text": "gamma"}], "note": "delta"}
    )
    store.put(("m",), "2", {"title": "alpha", "note": "delta"}, index=["note"])
    for query, expected in {"gamma": ["1"], "delta": ["2"], "alpha": ["1"]}.items():
        items = store.search(("m",), query=query)
        assert [item.key for item in items if item.score is not None] == expected
    store.close()


def test_pages_of_a_search_are_complete_and_do_not_overlap(store):
    for n in range(30):
        store.put(("m",), str(n), {"text": "beacon" if n % 3 == 0 else "other"})
    pages = [keys_of(store.search(("m",), query="beacon", limit=7, offset=7 * n)) for n in range(5)]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert len(set(chain(*pages))) == 30


def test_an_item_ranks_by_the_best_of_its_vectors(embedding):
    embedding.put(("m",), "two", {"x": "aaa", "y": ["bbb", "ccc"]})
    embedding.put(("m",), "mixed", {"x": "abc"})
    embedding.put(("m",), "none", {"x": "b"}, index=False)
    items = embedding.search(("m",), query="cc")
    assert keys_of(items) == ["two", "mixed", "none"]
    assert items[0].score == pytest.approx(1)
    assert items[1].score == pytest.approx(3**-0.5)
    assert items[2].score is None
    assert keys_of(embedding.search(("m",), query="cc", filter={"x": "abc"})) == ["mixed"]
    assert keys_of(embedding.search(("m",), query="cc", limit=1, offset=1)) == ["mixed"]
    assert embedding.search(("m",), query="cc", limit=0) == []


def test_vectors_of_another_length_than_the_index_says_are_refused(path):
    store = AgentMemStore(path, index={"dims": 4, "embed": letters})
    calls = [
        lambda: store.put(("m",), "k", {"x": "a"}),
        lambda: store.search(("m",), query="a"),
        lambda: asyncio.run(store.aput(("m",), "k", {"x": "a"})),
    ]
    for call in calls:
        with pytest.raises(agentmem.DimensionMismatchError, match=r"dims=4.* vector of 3 numbers") as raised:
            call()
        assert (raised.value.expected, raised.value.found) == (4, 3)
    assert store.store.count(include_private=True) == 0
    store.close()


def test_old_vectors_leave_with_the_value(embedding):
    embedding.put(("m",), "k", {"x": "a", "y": ["b", "c"]})
    embedding.put(("m",), "k", {"x": "a", "y": ["b"]})
    assert embedding.search(("m",), query="ccc")[0].score == pytest.approx(0)
    embedding.delete(("m",), "k")
    assert embedding.store.count(include_private=True) == 0


def test_words_and_vectors_decide_together(embedding):
    embedding.put(("m",), "word", {"x": "xylophone"})
    embedding.put(("m",), "vector", {"x": "aab"})
    assert keys_of(embedding.search(("m",), query="xylophone", limit=1)) == ["word"]
    assert keys_of(embedding.search(("m",), query="aab aab", limit=1)) == ["vector"]


def test_an_asynchronous_embedder(path):
    async def embed(texts):
        return letters(texts)

    async def run():
        store = AgentMemStore(path, index={"dims": 3, "embed": embed})
        await store.aput(("m",), "1", {"x": "aaa"})
        await store.aput(("m",), "2", {"x": "bbb"})
        items = await store.asearch(("m",), query="bb")
        store.close()
        return items

    assert keys_of(asyncio.run(run())) == ["2", "1"]


def test_vectors_of_another_length_are_refused_and_nothing_is_written(embedding, path):
    embedding.put(("m",), "k", {"x": "a"})
    embedding.put(("m",), "other", {"x": "a"})
    other = AgentMemStore(path, index={"dims": 2, "embed": lambda texts: [[1.0, 2.0] for _ in texts]})
    with pytest.raises(agentmem.DimensionMismatchError):
        other.put(("m",), "k", {"x": "b"})
    assert other.get(("m",), "k").value == {"x": "a"}
    other.close()


def test_an_item_expires_unless_it_is_read(path):
    store = AgentMemStore(path, ttl={"default_ttl": 0.6 / 60})
    for key in ("read", "found", "peeked", "own"):
        store.put(("t",), key, {"name": key}, **({"ttl": 60} if key == "own" else {}))
    store.put(("t",), "never", {}, ttl=None)
    for _ in range(4):
        time.sleep(0.2)
        store.get(("t",), "read")
        store.search(("t",), filter={"name": "found"})
        store.get(("t",), "peeked", refresh_ttl=False)
    assert set(keys_of(store.search(("t",), refresh_ttl=False))) == {"read", "found", "own", "never"}
    time.sleep(0.7)
    assert store.get(("t",), "read") is None
    assert set(keys_of(store.search(("t",)))) == {"own", "never"}
    store.put(("t",), "read", {"again": True})
    assert store.get(("t",), "read").value == {"again": True}
    store.close()


def test_reading_does_not_refresh_if_that_is_configured(path):
    store = AgentMemStore(path, ttl={"default_ttl": 0.4 / 60, "refresh_on_read": False})
    store.put(("t",), "k", {})
    for _ in range(3):
        time.sleep(0.2)
        store.get(("t",), "k")
    assert store.get(("t",), "k") is None
    assert store.list_namespaces() == []
    store.close()


def test_an_update_without_a_ttl_ends_the_expiry(store):
    store.put(("t",), "k", {"n": 1}, ttl=0.2 / 60)
    store.put(("t",), "k", {"n": 2})
    time.sleep(0.3)
    assert store.get(("t",), "k").value == {"n": 2}


def test_a_refresh_never_gives_an_expiry_to_an_item_that_another_writer_keeps(path, monkeypatch):
    store, other = AgentMemStore(path, ttl={"default_ttl": 0.2 / 60}), AgentMemStore(path)
    store.put(("t",), "k", {"n": 1})
    write = AgentMemStore._write

    def later(self, *arguments):
        if self is store:
            other.put(("t",), "k", {"n": 2})
        return write(self, *arguments)

    monkeypatch.setattr(AgentMemStore, "_write", later)
    assert store.get(("t",), "k").value == {"n": 1}
    time.sleep(0.4)
    assert other.get(("t",), "k").value == {"n": 2}
    store.close()
    other.close()


def test_the_sweeper_deletes_what_has_expired(path):
    store = AgentMemStore(path, ttl={"default_ttl": 0.1 / 60, "sweep_interval_minutes": 0.1 / 60})
    store.put(("t",), "k", {})
    future = store.start_ttl_sweeper()
    time.sleep(0.6)
    assert store.sweep_ttl() == 0
    assert store.stop_ttl_sweeper(timeout=10)
    assert future.done()
    future = store.start_ttl_sweeper(5)
    future.cancel()
    assert store.stop_ttl_sweeper(timeout=10)
    store.put(("t",), "k", {})
    time.sleep(0.2)
    assert store.sweep_ttl() == 1
    store.close()


def test_vectors_expire_and_are_refreshed_with_their_item(path):
    index = {"dims": 3, "embed": letters, "fields": ["y[*]"]}
    store = AgentMemStore(path, index=index, ttl={"default_ttl": 0.5 / 60})
    store.put(("t",), "k", {"y": ["a", "b"]})
    time.sleep(0.3)
    store.get(("t",), "k")
    time.sleep(0.3)
    assert store.search(("t",), query="bb")[0].score == pytest.approx(1)
    time.sleep(0.6)
    assert store.search(("t",), query="bb") == []
    assert store.store.count(include_private=True) == 0
    store.close()


def test_an_expired_item_is_kept_until_a_sweep_if_it_is_not_omitted(path):
    ttl = {"default_ttl": 0.2 / 60, "omit_expired": False}
    store = AgentMemStore(path, index={"dims": 3, "embed": letters, "fields": ["y[*]"]}, ttl=ttl)
    for key in ("revived", "swept", "read"):
        store.put(("t",), key, {"y": ["a", "b"]})
    store.put(("t",), "long", {}, ttl=60)
    store.put(("t",), "never", {}, ttl=None)
    time.sleep(0.3)
    assert len(store.search(("t",), refresh_ttl=False)) == 5
    assert store.list_namespaces() == [("t",)]
    assert AgentMemStore(store.store).get(("t",), "read").key == "read"  # another setting changes nothing
    store.get(("t",), "revived")
    assert store.sweep_ttl() == 4  # two items, each with a second vector
    assert set(keys_of(store.search(("t",), refresh_ttl=False))) == {"revived", "long", "never"}
    time.sleep(0.3)
    assert store.sweep_ttl() == 2
    assert store.sweep_ttl() == 0
    assert store.store.count(include_private=True) == 2
    store.close()


def test_items_share_a_file_with_other_memories_and_never_mix(path):
    with agentmem.open(path) as memory:
        memory.add("a beacon of another program", scope="/users/alice")
        store = AgentMemStore(memory)
        store.put(("users", "alice"), "k", {"text": "beacon"})
        store.put(("users", "bob"), "k", {"text": "beacon"})
        assert len(store.search((), query="beacon")) == 2
        assert [item.namespace for item in store.search(("users", "bob"), query="beacon")] == [
            ("users", "bob")
        ]
        assert memory.count(scope="/users") == 1
        memory.add("a beacon that is no item", scope="/langgraph/users/bob")
        assert len(store.search(("users", "bob"))) == 1
        store.close()
        assert not memory.closed
    with pytest.raises(agentmem.StoreClosedError):
        store.get(("users", "bob"), "k")


def test_a_closed_store_opens_again_and_a_copy_is_the_store(store):
    store.put(("a",), "k", {})
    store.close()
    assert store.get(("a",), "k").value == {}
    assert copy.deepcopy(store) is store


def test_threads_that_write_the_same_key_lose_nothing(embedding):
    def write(number):
        for n in range(10):
            embedding.put(("m",), "shared", {"x": "a", "y": ["b"] * (n % 3)})
            embedding.put(("m",), f"{number}-{n}", {"x": "c"})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    vectors = len(embedding.get(("m",), "shared").value["y"])
    assert embedding.store.count() == 61
    assert embedding.store.count(include_private=True) == 61 + vectors


def test_two_event_loops_use_one_store(store):
    async def write(number):
        await asyncio.gather(*(store.aput(("m",), f"{number}-{n}", {}) for n in range(10)))

    threads = [threading.Thread(target=lambda n=n: asyncio.run(write(n))) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(store.search(("m",), limit=99)) == 40


def test_two_processes_write_at_once(store, path):
    program = (
        "import sys\nfrom agentmem.langgraph import AgentMemStore\n"
        "store = AgentMemStore(sys.argv[1])\n"
        "for n in range(20): store.put(('m',), f'{sys.argv[2]}-{n}', {}); store.put(('m',), 'shared', {})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), str(n)]) for n in range(2)]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    assert len(store.search(("m",), limit=99)) == 41


def test_a_cancelled_write_has_ended_when_the_caller_goes_on(store):
    async def run():
        task = asyncio.create_task(store.aput(("m",), "k", {}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = store.search(())
        await asyncio.sleep(0.1)
        return before, store.search(())

    before, after = asyncio.run(run())
    assert before == after


def test_tasks_that_write_at_once_share_a_transaction(store, monkeypatch):
    async def run():
        await asyncio.gather(*(store.aput(("m",), str(n), {"n": n}) for n in range(20)))
        return await asyncio.gather(*(store.aget(("m",), str(n)) for n in range(20)))

    begin, begun = store.store.batch, []
    monkeypatch.setattr(store.store, "batch", lambda: begun.append(1) or begin())
    assert [item.value["n"] for item in asyncio.run(run())] == list(range(20))
    assert len(begun) == 1


def test_tasks_that_write_one_key_at_once_write_in_their_order(store):
    async def run():
        writes = [store.aput(("m",), "k", {"n": n}) for n in range(5)]
        await asyncio.gather(*writes, store.adelete(("m",), "gone"), store.aput(("m",), "gone", {}))

    asyncio.run(run())
    assert store.get(("m",), "k").value == {"n": 4}
    assert store.get(("m",), "gone").value == {}


def test_each_task_has_its_own_error(store):
    async def run():
        values = {"good": {}, "bad": {"x": object()}, "worse": {"y": {1: 2}}, "good too": {}}
        puts = (store.aput(("m",), key, value) for key, value in values.items())
        return await asyncio.gather(*puts, return_exceptions=True)

    first, bad, worse, last = asyncio.run(run())
    assert first is last is None
    assert isinstance(bad, agentmem.InvalidRecordError)
    assert isinstance(worse, agentmem.InvalidRecordError)
    assert str(bad) != str(worse)
    assert {item.key for item in store.search(("m",))} == {"good", "good too"}


def test_the_others_are_written_when_one_task_is_cancelled(store):
    async def run():
        tasks = [asyncio.create_task(store.aput(("m",), str(n), {})) for n in range(3)]
        reading = asyncio.create_task(store.aget(("m",), "0"))
        await asyncio.sleep(0)
        tasks[0].cancel()
        reading.cancel()
        return await asyncio.gather(*tasks, reading, return_exceptions=True)

    first, *others, read = asyncio.run(run())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(read, asyncio.CancelledError)
    assert others == [None, None]
    assert len(store.search(("m",))) == 3


def test_an_event_loop_ends_while_tasks_write(store):
    async def run():
        tasks = [asyncio.create_task(store.aput(("m",), str(n), {})) for n in range(3)]
        await asyncio.sleep(0)
        return tasks

    asyncio.run(run())
    asyncio.run(store.aput(("m",), "later", {}))
    assert store.get(("m",), "later") is not None


def test_large_values_and_empty_texts(store):
    text = "line\n" * 500_000
    store.put(("fs",), "/big", {"content": text})
    store.put(("fs",), "/empty", {"content": ""})
    assert store.get(("fs",), "/big").value == {"content": text}
    assert store.get(("fs",), "/empty").value == {"content": ""}


def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for example in documentation.page_examples("frameworks/langgraph.md"):
        exec(compile(example, "langgraph.md", "exec"), {})
