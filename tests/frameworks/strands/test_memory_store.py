"""AgentMemMemoryStore: the contract of Strands' memory stores, agents that use it, and odd input."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import documentation
import pytest
from strands import Agent
from strands.memory import ExtractionResult, InvocationTrigger, MemoryManager, MemoryMessageFilter
from strands.models import Model

import agentmem
from agentmem.strands import AgentMemMemoryStore

ODD_NAMES = ["a/b", "..", "a b", "nul\0", "👋", "\ud800", "%", "x" * 3000]
BOAT = "The red boat is called Elsa."


@pytest.fixture
def store(path):
    store = AgentMemMemoryStore(path, name="notes")
    yield store
    store.close()


def add(store, content, metadata=None):
    return asyncio.run(store.add(content, metadata))


def search(store, query, **options):
    return asyncio.run(store.search(query, options or None))


def texts(store, query, **options):
    return [entry.content for entry in search(store, query, **options)]


def message(text, role="user", *blocks):
    return {"role": role, "content": [{"text": text}, *blocks]}


def test_it_has_what_a_store_declares(path):
    store = AgentMemMemoryStore(
        path, name="notes", description="My notes", max_search_results=7, writable=False, extraction=False
    )
    declared = (store.name, store.description, store.max_search_results, store.writable, store.extraction)
    assert declared == ("notes", "My notes", 7, False, False)
    assert store.scope == "/strands/notes"
    assert AgentMemMemoryStore(store.store).writable
    store.close()


@pytest.mark.parametrize(
    "bad", [{"name": " "}, {"max_search_results": 0}, {"max_search_results": True}, {"scope": "/a/../b"}]
)
def test_bad_arguments_are_refused(path, bad):
    with pytest.raises(ValueError, match=r"must|invalid"):
        AgentMemMemoryStore(path, **bad)


def test_a_memory_comes_back_with_its_metadata(store):
    id = add(store, BOAT, {"topic": "boats", "odd": {1}, "nan": float("nan")})
    (entry,) = search(store, "What is the red boat called?")
    assert entry.content == BOAT
    created = store.store.get(id).created_at.isoformat()
    own = {"topic": "boats", "odd": [1], "nan": "nan", "id": id, "created_at": created}
    assert entry.metadata == {**own, "score": entry.metadata["score"]}
    assert 0.5 < entry.metadata["score"] <= 1


def test_a_text_is_kept_once(store):
    ids = {
        add(store, text, metadata) for text, metadata in [(BOAT, {"n": 1}), (BOAT, None), (BOAT + "\n", None)]
    }
    assert len(ids) == store.store.count() == 1
    assert search(store, "red boat")[0].metadata["n"] == 1


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_refused(store, text):
    with pytest.raises(ValueError, match="content must not be empty"):
        add(store, text)


def test_a_store_that_is_not_writable_refuses_writes(path):
    store = AgentMemMemoryStore(path, writable=False)
    for write in (store.add(BOAT), store.add_messages([message(BOAT)])):
        with pytest.raises(ValueError, match="not writable"):
            asyncio.run(write)
    assert texts(store, "boat") == []
    store.close()


@pytest.mark.parametrize("query", ["", "  ", "\0", "...", "Which planets have rings?"])
def test_nothing_is_found_for_such_a_query(store, query):
    add(store, BOAT)
    assert texts(store, query) == []


def test_few_and_relevant_memories_are_returned(store):
    add(store, BOAT)
    for n in range(20):
        add(store, f"Note {n} about the harbour office.")
    assert texts(store, "Which boat is red?") == [BOAT]
    assert len(texts(store, "harbour office")) == 10
    assert len(texts(store, "harbour office", max_search_results=3)) == 3
    with pytest.raises(ValueError, match="at least 1"):
        search(store, "boat", max_search_results=0)


def test_messages_become_memories_once(store):
    image = {"image": {"format": "png", "source": {"bytes": b"\xff"}}}
    messages = [
        message(BOAT),
        message("A fine name.", "assistant", image),
        {"role": "user", "content": [image]},
    ]
    first = asyncio.run(store.add_messages(messages))
    assert asyncio.run(store.add_messages(messages)) == first
    assert store.store.count() == 2
    (entry,) = search(store, "red boat")
    assert (entry.content, entry.metadata["role"]) == (BOAT, "user")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_apart(store, name):
    other = AgentMemMemoryStore(store.store, name=name)
    add(other, BOAT)
    assert texts(other, "red boat") == [BOAT]
    assert texts(store, "red boat") == []


def test_stores_with_one_scope_share_memories(store):
    add(store, BOAT)
    assert texts(AgentMemMemoryStore(store.store, name="all", scope="/strands"), "red boat") == [BOAT]


@pytest.mark.parametrize("text", ["nul\0boat", "half \ud800 boat", "👋 boat", "boat " * 20_000])
def test_odd_texts_are_kept(store, text):
    add(store, text)
    assert len(texts(store, "boat")) == 1


def test_memories_outlive_the_store(store, path):
    add(store, BOAT)
    store.close()
    again = AgentMemMemoryStore(path, name="notes")
    assert texts(again, "red boat") == texts(store, "red boat") == [BOAT]
    again.close()


def test_an_open_store_stays_open(path):
    with agentmem.open(path) as opened:
        store = AgentMemMemoryStore(opened)
        store.close()
        add(store, BOAT)
    with pytest.raises(agentmem.StoreClosedError):
        search(store, "boat")


def test_event_loops_and_threads_share_a_store(store):
    adds = [threading.Thread(target=add, args=(store, f"boat {n}")) for n in range(8)]
    [thread.start() for thread in adds]
    [thread.join() for thread in adds]
    assert store.store.count() == 8


def test_processes_share_a_file(store, path):
    program = (
        "import asyncio, sys\n"
        "from agentmem.strands import AgentMemMemoryStore\n"
        "store = AgentMemMemoryStore(sys.argv[1], name='notes')\n"
        "for n in range(40):\n"
        "    asyncio.run(store.add(f'boat {n}'))\n"
        "    asyncio.run(store.add(f'boat {n} of {sys.argv[2]}'))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    assert store.store.count() == 120


def test_a_cancelled_write_has_ended_when_the_caller_goes_on(store):
    async def run():
        task = asyncio.create_task(store.add(BOAT))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return store.store.count()

    assert asyncio.run(run()) == 1


# With a MemoryManager and agents


class ScriptedModel(Model):
    """Answers with texts or tool calls in order, and keeps what it was sent."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def update_config(self, **config):
        """There is nothing to configure."""

    def get_config(self):
        return {}

    async def structured_output(self, output_model, prompt, system_prompt=None, **rest):
        raise NotImplementedError
        yield

    async def stream(self, messages, *_, **__):
        self.requests.append(str(messages))
        answer = self.answers.pop(0) if self.answers else "Noted."
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(answer, str):
            start, delta, reason = {}, {"text": answer}, "end_turn"
        else:
            name, arguments = answer
            start = {"toolUse": {"name": name, "toolUseId": "1"}}
            delta, reason = {"toolUse": {"input": arguments}}, "tool_use"
        yield {"contentBlockStart": {"start": start}}
        yield {"contentBlockDelta": {"delta": delta}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": reason}}


def agent_with(store, *answers, **options):
    manager = MemoryManager(stores=[store], **options)
    return Agent(model=ScriptedModel(*answers), memory_manager=manager, callback_handler=None), manager


def test_an_agent_is_told_what_it_learned_in_another_conversation(path):
    store = AgentMemMemoryStore(path, extraction={"trigger": InvocationTrigger()})
    agent, manager = agent_with(store)
    agent(BOAT)
    asyncio.run(manager.flush())
    other, _ = agent_with(store)
    other("What is the red boat called?")
    assert BOAT in other.model.requests[0]
    other("Which planets have rings?")
    assert "<memory>" not in other.model.requests[1].rpartition("planets")[2]
    store.close()


def test_an_agent_adds_and_searches_memories_itself(store):
    answers = [
        ("add_memory", f'{{"entries": ["{BOAT}"]}}'),
        "Noted.",
        ("search_memory", '{"query": "red boat"}'),
    ]
    agent, _ = agent_with(store, *answers, add_tool_config=True, injection=False)
    agent("Remember the boat.")
    assert texts(store, "red boat") == [BOAT]
    agent("What is it called?")
    assert "created_at" in agent.model.requests[-1]


def test_facts_of_an_extractor_become_memories(path):
    class Extractor:
        async def extract(self, messages, context=None):
            return [ExtractionResult(BOAT, {"topic": "boats"}), ExtractionResult(BOAT)]

    store = AgentMemMemoryStore(path, extraction={"extractor": Extractor(), "trigger": InvocationTrigger()})
    agent, manager = agent_with(store)
    agent("My boat is called Elsa.")
    asyncio.run(manager.flush())
    assert [record.content for record in store.store.list()] == [BOAT]
    store.close()


def test_tool_results_are_no_memories(path):
    everything = {"trigger": InvocationTrigger(), "filter": MemoryMessageFilter(exclude=[])}
    store = AgentMemMemoryStore(path, extraction=everything)
    agent, manager = agent_with(store, ("search_memory", '{"query": "zebra"}'), "Nothing.")
    agent("Look for stripes.")
    asyncio.run(manager.flush())
    assert {record.content for record in store.store.list()} == {"Look for stripes.", "Nothing."}
    store.close()


def test_two_stores_in_one_file_work_together(path):
    with agentmem.open(path) as opened:
        stores = [AgentMemMemoryStore(opened, name=name) for name in ("work", "home")]
        manager = MemoryManager(stores=stores)
        asyncio.run(manager.add(BOAT, {"stores": ["home"]}))
        (entry,) = asyncio.run(manager.search("red boat"))
        assert entry.store_name == "home"


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("strands"), ids=lambda test: test.name
)
def test_the_example_of_the_docstring_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documentation.run(example, {"model": ScriptedModel()})


@pytest.mark.parametrize("example", documentation.page_examples("frameworks/strands.md"))
def test_the_example_of_the_page_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"model": ScriptedModel()}
    exec(example, names)
    asyncio.run(names["manager"].flush())
    assert texts(names["store"], "red boat") == ["My red boat is called Elsa."]
