"""AgentMemByteStore beyond the official suites: namespaces, order, whole writes, and bad input."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentmem
from agentmem.langchain import AgentMemByteStore

keys = st.text(st.sampled_from("ab/%_.é👋"), max_size=4)


@given(st.dictionaries(keys, st.binary(max_size=4)), keys)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_it_is_a_dictionary(store, values, prefix):
    files = AgentMemByteStore(store)
    files.mdelete(list(files.yield_keys()))
    files.mset(list(values.items()))
    assert dict(zip(values, files.mget(list(values)), strict=True)) == values
    assert list(files.yield_keys(prefix=prefix)) == sorted(key for key in values if key.startswith(prefix))


def test_keys_come_in_pages(store):
    files = AgentMemByteStore(store)
    files.mset([(f"{n:04}", b"") for n in range(2500)])
    assert list(files.yield_keys()) == [f"{n:04}" for n in range(2500)]


@pytest.mark.parametrize("name", ["", "a/../b", "..", "x" * 3000, "nul\0", "👋", "\ud800", "%"])
def test_any_namespace_has_keys_of_its_own(store, name):
    one, other = AgentMemByteStore(store, namespace=name), AgentMemByteStore(store, namespace=name + "x")
    one.mset([("k", b"1")])
    other.mset([("k", b"2")])
    other.mdelete(["k", "missing"])
    assert (one.mget(["k"]), other.mget(["k"])) == ([b"1"], [None])


def test_bad_input_sets_nothing(store):
    files = AgentMemByteStore(store)
    for pair, error in (
        (("k", "text"), TypeError),
        (("k", 5), TypeError),
        (("x" * 3000, b""), agentmem.InvalidRecordError),
        (("\0", b""), agentmem.InvalidRecordError),
        (("\ud800", b""), agentmem.InvalidRecordError),
    ):
        with pytest.raises(error):
            files.mset([("fine", b""), pair])
    files.mset([])
    assert list(files.yield_keys()) == []


def test_the_last_value_of_a_key_stays(store):
    files = AgentMemByteStore(store)
    files.mset([("k", b"old"), ("k", bytearray(b"new"))])
    assert files.mget(["k", "k"]) == [b"new", b"new"]


def test_values_are_there_after_opening_again(path):
    files = AgentMemByteStore(path)
    files.mset([("k", b"1")])
    files.close()
    assert AgentMemByteStore(path).mget(["k"]) == [b"1"]


def test_two_event_loops_may_use_one_byte_store(store):
    files = AgentMemByteStore(store)
    asyncio.run(files.amset([("k", b"1")]))
    assert asyncio.run(files.amget(["k"])) == [b"1"]


def test_a_closed_store_says_so(store):
    files = AgentMemByteStore(store)
    store.close()
    with pytest.raises(agentmem.StoreClosedError):
        files.mget(["k"])
