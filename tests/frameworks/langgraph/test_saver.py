"""AgentMemSaver: LangGraph's conformance suite, and what graphs do with it."""

import asyncio
import itertools
import operator
import subprocess
import sys
import threading
from typing import Annotated, TypedDict

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import StateGraph
from langgraph.types import Command, interrupt

import agentmem
from agentmem.langgraph import AgentMemSaver

# The capabilities that every checkpointer has, and those that are optional.
CONFORMANCE = {"put": 17, "put_writes": 10, "get_tuple": 10, "list": 16, "delete_thread": 5}
CONFORMANCE |= {"delete_for_runs": 7, "copy_thread": 8, "prune": 8}


@pytest.fixture
def saver(path):
    saver = AgentMemSaver(path)
    yield saver
    saver.close()


def thread(name="1", namespace="", id=None):
    config = {"thread_id": name, "checkpoint_ns": namespace}
    return {"configurable": config if id is None else {**config, "checkpoint_id": id}}


class State(TypedDict):
    steps: Annotated[list, operator.add]


def counter(saver, nodes=3):
    """A graph whose nodes append their numbers."""
    builder = StateGraph(State)
    for n in range(nodes):
        builder.add_node(str(n), lambda state, n=n: {"steps": [n]})
    builder.set_entry_point("0")
    for n in range(1, nodes):
        builder.add_edge(str(n - 1), str(n))
    return builder.compile(checkpointer=saver)


def steps(saver, config):
    return [found.metadata["step"] for found in saver.list(config)]


def test_conformance(tmp_path):
    files = itertools.count()

    @checkpointer_test(name="agentmem")
    async def make():
        saver = AgentMemSaver(tmp_path / f"{next(files)}.db")
        yield saver
        saver.close()

    report = asyncio.run(validate(make))
    passed = {name: result.tests_passed for name, result in report.results.items()}
    assert {name: result.failures for name, result in report.results.items() if result.failures} == {}
    assert passed == CONFORMANCE


def test_a_graph_goes_on_in_another_process(saver, path):
    def ask(state):
        return {"steps": [interrupt("go on?")]}

    builder = StateGraph(State).add_node("first", lambda state: {"steps": ["first"]}).add_node(ask)
    graph = builder.set_entry_point("first").add_edge("first", "ask").compile(checkpointer=saver)
    assert "__interrupt__" in graph.invoke({"steps": []}, thread())
    saver.close()
    other = builder.compile(checkpointer=AgentMemSaver(path))
    assert other.get_state(thread()).next == ("ask",)
    assert other.invoke(Command(resume="yes"), thread()) == {"steps": ["first", "yes"]}
    other.checkpointer.close()


def test_asynchronous_and_synchronous_calls_mix(saver):
    graph = counter(saver)
    asyncio.run(graph.ainvoke({"steps": []}, thread()))
    graph.invoke({"steps": ["again"]}, thread())

    async def history():
        return [state.values["steps"] async for state in graph.aget_state_history(thread())]

    assert asyncio.run(history()) == [state.values["steps"] for state in graph.get_state_history(thread())]
    assert graph.get_state(thread()).values == {"steps": [0, 1, 2, "again", 0, 1, 2]}


def test_a_thread_can_be_forked(saver):
    graph = counter(saver)
    graph.invoke({"steps": []}, thread())
    before = next(state for state in graph.get_state_history(thread()) if state.next == ("2",))
    graph.update_state(before.config, {"steps": ["other"]})
    assert graph.invoke(None, thread())["steps"] == [0, 1, "other", 2]


def test_checkpoints_are_listed_newest_first_in_pages(saver):
    for _ in range(30):
        counter(saver).invoke({"steps": []}, thread())
    counter(saver).invoke({"steps": []}, thread("2"))
    listed = list(saver.list(thread()))
    ids = [found.checkpoint["id"] for found in listed]
    assert len(ids) == 150
    assert ids == sorted(ids, reverse=True)
    before = thread(id=ids[70])
    assert [found.checkpoint["id"] for found in saver.list(thread(), before=before, limit=60)] == ids[71:131]
    assert list(saver.list(thread(), limit=0)) == []
    assert (
        len(list(saver.list(None, filter={"step": 2})))
        == len(list(saver.list(thread(), filter={"step": 2}))) + 1
    )
    assert {found.config["configurable"]["thread_id"] for found in saver.list(None)} == {"1", "2"}


def test_what_a_task_writes_twice_is_kept_once_by_many_threads(saver):
    config = saver.put(thread(), empty_checkpoint(), {"step": 0}, {})

    def write(number):
        saver.put_writes(config, [("a", number), ("b", number), ("__error__", number)], "task", "path")
        saver.put_writes(config, [("own", number)], f"task {number}", "path")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    [each.start() for each in threads]
    [each.join() for each in threads]
    writes = saver.get_tuple(config).pending_writes
    kept = {channel: value for task, channel, value in writes if task == "task"}
    assert kept["a"] == kept["b"]
    assert kept.keys() == {"a", "b", "__error__"}
    assert sorted(value for _, channel, value in writes if channel == "own") == list(range(8))


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 3000, " ", "nul\0", "👋", "%"])
def test_any_name_is_a_thread_of_its_own(saver, name):
    for each in (name, name + "x"):
        config = saver.put(
            thread(each, "sub|" + name), empty_checkpoint(), {"name": each.replace("\0", "")}, {}
        )
        saver.put_writes(config, [("channel", each)], name)
    found = saver.get_tuple(thread(name, "sub|" + name))
    assert found.config["configurable"]["thread_id"] == name
    assert found.pending_writes == [(name, "channel", name)]
    saver.delete_thread(name)
    assert list(saver.list(thread(name, "sub|" + name))) == []
    assert saver.get_tuple(thread(name + "x", "sub|" + name)) is not None


def test_names_with_lone_surrogates_are_refused(saver):
    bad = "a\ud800"
    saved = saver.put(thread(), empty_checkpoint(), {}, {})
    calls = [
        lambda: saver.put(thread(bad), empty_checkpoint(), {}, {}),
        lambda: saver.put(thread(namespace=bad), empty_checkpoint(), {}, {}),
        lambda: saver.put(thread(id=bad), empty_checkpoint(), {}, {}),
        lambda: saver.put_writes(saved, [("channel", 1)], bad),
        lambda: saver.put_writes(saved, [(bad, 1)], "task"),
        lambda: saver.copy_thread("1", bad),
    ]
    for call in calls:
        with pytest.raises(agentmem.InvalidRecordError, match="lone surrogates"):
            call()
    assert saver.get_tuple(thread(bad)) is None
    assert [len(found.pending_writes) for found in saver.list(None)] == [0]


def test_pruning_keeps_what_the_thread_needs(saver):
    graph = counter(saver)
    for name in ("1", "2"):
        graph.invoke({"steps": []}, thread(name))
    saver.prune(["1"])
    assert steps(saver, thread("1")) == [3]
    assert len(steps(saver, thread("2"))) == 5
    assert graph.invoke({"steps": []}, thread("1"))["steps"] == [0, 1, 2, 0, 1, 2]
    saver.prune(["1"], strategy="delete")
    assert saver.store.journals("checkpoints/1/") == []
    with pytest.raises(ValueError, match="strategy"):
        saver.prune(["2"], strategy="keep_some")


def test_pruning_keeps_what_delta_channels_are_rebuilt_from(saver):
    def append(state, writes):
        return [*state, *(item for write in writes for item in write)]

    class Deltas(TypedDict):
        log: Annotated[list, DeltaChannel(append, snapshot_frequency=4)]

    builder = StateGraph(Deltas)
    builder.add_node("node", lambda state: {"log": [len(state["log"])]}).set_entry_point("node")
    graph = builder.compile(checkpointer=saver)
    for _ in range(7):
        graph.invoke({"log": ["in"]}, thread())
        before = graph.get_state(thread()).values
        count = len(list(saver.list(thread())))
        saver.prune(["1"])
        assert graph.get_state(thread()).values == before
        assert len(before["log"]) > 0
    assert count < 15


def test_pruning_deletes_the_calls_of_subgraphs_with_their_caller(saver):
    inner = (
        StateGraph(State)
        .add_node("inner", lambda state: {"steps": ["inner"]})
        .set_entry_point("inner")
        .compile()
    )
    builder = StateGraph(State).add_node("outer", inner).set_entry_point("outer")
    graph = builder.compile(checkpointer=saver)
    for _ in range(3):
        graph.invoke({"steps": []}, thread())
    assert len(saver.store.journals("checkpoints/1/")) == 4
    saver.prune(["1"])
    assert saver.store.journals("checkpoints/1/") == ["checkpoints/1/%"]


@pytest.mark.file
def test_a_serializer_may_encrypt(path):
    class Reverse:
        def encrypt(self, plaintext):
            return "reverse", plaintext[::-1]

        def decrypt(self, ciphername, ciphertext):
            return ciphertext[::-1]

    saver = AgentMemSaver(path, serde=EncryptedSerializer(Reverse()))
    assert counter(saver).invoke({"steps": ["a secret of mine"]}, thread())["steps"][0] == "a secret of mine"
    assert counter(saver).get_state(thread()).values["steps"][0] == "a secret of mine"
    saver.close()
    assert b"a secret of mine" not in path.read_bytes()


def test_a_clone_with_another_serializer_leaves_the_saver_alone(path):
    saver = AgentMemSaver(
        path, serde=JsonPlusSerializer(allowed_msgpack_modules=[("collections", "Counter")])
    )
    clone = saver.with_allowlist([("module", "Name")])
    assert clone is not saver
    assert clone.store is saver.store
    assert clone.serde is not saver.serde
    saver.close()


def test_a_file_holds_memories_and_checkpoints(path):
    with agentmem.open(path) as store:
        saver = AgentMemSaver(store)
        counter(saver).invoke({"steps": []}, thread())
        assert store.count() == 0
        saver.close()
        assert not store.closed
    with pytest.raises(agentmem.StoreClosedError):
        saver.get_tuple(thread())


def test_processes_write_to_one_thread(saver, path):
    program = (
        "import sys\nfrom langgraph.checkpoint.base import empty_checkpoint\n"
        "from agentmem.langgraph import AgentMemSaver\n"
        "saver = AgentMemSaver(sys.argv[1])\n"
        "for n in range(20): saver.put({'configurable': {'thread_id': '1', 'checkpoint_ns': ''}},"
        " empty_checkpoint(), {'step': n}, {})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(2)]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    assert sorted(steps(saver, thread())) == sorted([*range(20), *range(20)])


def test_a_cancelled_write_has_ended_when_the_caller_goes_on(saver):
    async def run():
        task = asyncio.create_task(saver.aput(thread(), empty_checkpoint(), {"step": 0}, {}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = steps(saver, thread())
        await asyncio.sleep(0.1)
        return before, steps(saver, thread())

    before, after = asyncio.run(run())
    assert before == after
