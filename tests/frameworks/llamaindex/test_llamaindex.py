"""Chat store, memory block and retriever for LlamaIndex: contracts, agents that use them, and odd input."""

from __future__ import annotations

import asyncio
import copy
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import documentation
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.llms.mock import MockFunctionCallingLLMWithChatMemoryOfLastCall
from llama_index.core.memory import Memory
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import QueryBundle
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus

import agentmem
from agentmem.llamaindex import AgentMemChatStore, AgentMemMemoryBlock, AgentMemRetriever

ODD_NAMES = ["", "a/b", "..", "a b", "nul\0", "👋", "\ud800", "%", "x" * 3000, "active"]
BOAT = "The red boat is called Elsa."
ACTIVE, ARCHIVED = MessageStatus.ACTIVE, MessageStatus.ARCHIVED


def user(text):
    return ChatMessage(role="user", content=text)


def assistant(text):
    return ChatMessage(role="assistant", content=text)


def texts(messages):
    return [message.content for message in messages]


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.fixture
def chats(store):
    return AgentMemChatStore(store)


def add(chats, *messages, key="k", status=ACTIVE):
    run(chats.add_messages(key, list(messages), status))


def read(chats, key="k", **options):
    return texts(run(chats.get_messages(key, **options)))


# Chat store


def test_it_is_a_chat_store(chats):
    assert isinstance(chats, AsyncDBChatStore)
    assert chats.class_name() == "AgentMemChatStore"


def test_messages_come_back_exactly_and_in_order(chats):
    image = ImageBlock(image=b"\xff\0\xfe", image_mimetype="image/png")
    messages = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", blocks=[TextBlock(text="Look. 👋 \0"), image]),
        ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": [{"id": 1, "x": None}]}),
        ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": "1"}),
    ]
    run(chats.add_message("k", messages[0]))
    add(chats, *messages[1:])
    found = run(chats.get_messages("k"))
    assert [message.model_dump(mode="json") for message in found] == [
        message.model_dump(mode="json") for message in messages
    ]
    assert run(chats.count_messages("k")) == 4
    assert read(chats, "other") == []
    assert run(chats.count_messages("other")) == 0


def test_limit_and_offset_give_pages(chats):
    add(chats, *map(user, "abcde"))
    assert read(chats, limit=2) == ["a", "b"]
    assert read(chats, offset=2) == ["c", "d", "e"]
    assert read(chats, limit=2, offset=1) == ["b", "c"]
    assert read(chats, limit=0) == read(chats, offset=9) == []
    for page in ({"limit": -1}, {"offset": -1}, {"limit": 2, "offset": -1}):
        with pytest.raises(agentmem.InvalidFilterError, match="must not be negative"):
            read(chats, **page)


def test_setting_replaces_all_messages(chats):
    add(chats, user("old"))
    add(chats, user("older"), status=ARCHIVED)
    run(chats.set_messages("k", [user("a"), assistant("b")]))
    assert read(chats, status=None) == ["a", "b"]
    run(chats.set_messages("k", [], status=ARCHIVED))
    assert read(chats, status=None) == []


def test_a_message_is_deleted_by_its_position(chats):
    add(chats, *map(user, "abc"))
    assert run(chats.delete_message("k", 1)).content == "b"
    assert read(chats) == ["a", "c"]
    assert run(chats.delete_message("k", 2)) is None
    assert run(chats.delete_message("k", -1)) is None
    assert run(chats.delete_message("other", 0)) is None
    assert read(chats) == ["a", "c"]


def test_messages_are_deleted_by_status(chats):
    for status in (ACTIVE, ARCHIVED):
        run(chats.delete_messages("k"))
        add(chats, user("new"))
        add(chats, user("old"), status=ARCHIVED)
        add(chats, user("other"), key="k2")
        run(chats.delete_messages("k", status))
        assert read(chats, status=None) == [{ACTIVE: "old", ARCHIVED: "new"}[status]]
    run(chats.delete_messages("k"))
    assert read(chats, status=None) == []
    assert "other" in read(chats, "k2")


def test_the_oldest_messages_are_deleted_or_archived(chats):
    add(chats, *map(user, "abcdef"))
    assert texts(run(chats.delete_oldest_messages("k", 1))) == ["a"]
    assert texts(run(chats.archive_oldest_messages("k", 2))) == ["b", "c"]
    assert texts(run(chats.archive_oldest_messages("k", 1))) == ["d"]
    assert run(chats.archive_oldest_messages("k", 0)) == []
    assert run(chats.delete_oldest_messages("other", 3)) == []
    assert (read(chats), read(chats, status=ARCHIVED)) == (["e", "f"], ["b", "c", "d"])
    assert read(chats, status=None) == ["b", "c", "d", "e", "f"]
    assert read(chats, status=None, limit=3, offset=2) == ["d", "e", "f"]
    assert texts(run(chats.archive_oldest_messages("k", 99))) == ["e", "f"]


@pytest.mark.parametrize("key", ODD_NAMES)
def test_keys_are_apart_and_come_back(chats, key):
    add(chats, user("mine"), key=key)
    add(chats, user("old"), key=key + "x", status=ARCHIVED)
    assert read(chats, key) == ["mine"]
    assert run(chats.get_keys()) == sorted([key, key + "x"])
    run(chats.delete_messages(key))
    assert run(chats.get_keys()) == [key + "x"]


operations = st.lists(
    st.one_of(
        st.tuples(st.just("add_messages"), st.lists(st.integers(0, 99), max_size=3)),
        st.tuples(st.just("set_messages"), st.lists(st.integers(0, 99), max_size=3)),
        st.tuples(st.sampled_from(["delete_oldest_messages", "archive_oldest_messages"]), st.integers(-1, 4)),
        st.tuples(st.just("delete_message"), st.integers(-2, 5)),
        st.tuples(st.just("delete_messages"), st.sampled_from([None, ACTIVE, ARCHIVED])),
    ),
    max_size=8,
)


@given(operations)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_it_does_what_two_lists_do(chats, operations):
    active, archived = [], []
    run(chats.delete_messages("k"))
    for name, argument in operations:
        given = [user(str(n)) for n in argument] if isinstance(argument, list) else argument
        run(getattr(chats, name)("k", given))
        if name == "add_messages":
            active += given
        elif name == "set_messages":
            active, archived = given, []
        elif name == "delete_message":
            active = active[:argument] + active[argument + 1 :] if argument >= 0 else active
        elif name == "delete_messages":
            active = active if argument == ARCHIVED else []
            archived = archived if argument == ACTIVE else []
        else:
            taken, active = active[: max(argument, 0)], active[max(argument, 0) :]
            archived = archived + taken if name == "archive_oldest_messages" else archived
        assert read(chats) == texts(active)
        assert read(chats, status=ARCHIVED) == texts(archived)


def test_a_message_that_json_cannot_hold_is_refused_and_nothing_is_added(chats):
    odd = ChatMessage(role="user", content="bad", additional_kwargs={"odd": object()})
    with pytest.raises(ValueError, match="serialize"):
        add(chats, user("fine"), odd)
    assert read(chats) == []


def test_callers_at_once_never_archive_the_same(chats):
    add(chats, *[user(str(n)) for n in range(40)])

    async def archive():
        return await asyncio.gather(*[chats.archive_oldest_messages("k", 2) for _ in range(20)])

    archived = [text for messages in run(archive()) for text in texts(messages)]
    assert sorted(archived, key=int) == read(chats, status=ARCHIVED) == [str(n) for n in range(40)]


def test_processes_share_a_chat(chats, path):
    program = (
        "import asyncio, sys\n"
        "from llama_index.core.base.llms.types import ChatMessage\n"
        "from agentmem.llamaindex import AgentMemChatStore\n"
        "chats = AgentMemChatStore(sys.argv[1])\n"
        "for n in range(30):\n"
        "    asyncio.run(chats.add_message('k', ChatMessage(content=f'{sys.argv[2]}{n}')))\n"
        "    asyncio.run(chats.archive_oldest_messages('k', 1))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    assert sorted(read(chats, status=None)) == sorted(f"{name}{n}" for name in "ab" for n in range(30))


@pytest.mark.file
def test_damaged_messages_are_not_read(path):
    chats = AgentMemChatStore(path)
    add(chats, user("one"), user("two"))
    chats.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE entries SET checksum = checksum + 1 WHERE number = (SELECT max(number) FROM entries)"
        )
    assert read(chats) == ["one"]
    assert run(chats.get_keys()) == ["k"]
    with pytest.raises(agentmem.CorruptStoreError):
        run(chats.archive_oldest_messages("k", 1))
    assert read(chats) == ["one"]
    chats.close()


def test_a_cancelled_write_has_ended_when_the_caller_goes_on(chats):
    async def cancelled():
        task = asyncio.create_task(chats.add_message("k", user("kept")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return texts(await chats.get_messages("k"))

    assert run(cancelled()) == ["kept"]


def test_threads_with_loops_of_their_own_share_a_store(chats):
    adds = [threading.Thread(target=add, args=(chats, user(str(n)))) for n in range(8)]
    [thread.start() for thread in adds]
    [thread.join() for thread in adds]
    assert sorted(read(chats)) == [str(n) for n in range(8)]


# Memory block


def put(block, *messages, session_id=None):
    run(block.aput(list(messages), from_short_term_memory=True, session_id=session_id))


def get(block, *messages, session_id=None):
    return run(block.aget([user(m) if isinstance(m, str) else m for m in messages], session_id=session_id))


def test_a_block_recalls_what_answers_the_last_user_message(store):
    block = AgentMemMemoryBlock(store)
    assert (block.name, block.priority, block.class_name()) == ("memories", 0, "AgentMemMemoryBlock")
    put(block, user(BOAT), assistant("A fine name."), session_id="s")
    day = store.list()[0].created_at.date()
    asked = ("Hello.", assistant("Hi."), "What is the red boat called?", assistant("Let me see."))
    assert get(block, *asked, session_id="s") == f"- {day}, user: {BOAT}"


def test_a_block_is_silent_if_nothing_answers(store):
    block = AgentMemMemoryBlock(store)
    put(block, user(BOAT))
    for nothing in ([], ["Which planets have rings?"], [""], ["\0"], [assistant("The red boat?")]):
        assert get(block, *nothing) == ""
    assert run(block.aget()) == run(block.aget(None)) == ""


def test_a_block_recalls_few(store):
    block = AgentMemMemoryBlock(store, limit=3)
    put(block, *[user(f"Note {n} about the harbour office.") for n in range(20)])
    assert len(get(block, "Where is the harbour office?").splitlines()) == 3
    with pytest.raises(ValueError, match="limit"):
        AgentMemMemoryBlock(store, limit=0)


def test_only_what_users_and_models_say_is_remembered_once(store):
    block = AgentMemMemoryBlock(store)
    image = ChatMessage(role="user", blocks=[ImageBlock(image=b"x")])
    system, tool = (ChatMessage(role=role, content="Do.") for role in ("system", "tool"))
    messages = [user(BOAT), system, tool, image, user(" "), assistant("Noted."), user(BOAT)]
    put(block, *messages, session_id="s")
    put(block, *messages, session_id="s")
    put(block)
    assert sorted(record.content for record in store.list()) == ["Noted.", BOAT]
    assert all("session_id" not in message.additional_kwargs for message in messages)


def test_memories_of_a_user_are_shared_by_sessions(store):
    block = AgentMemMemoryBlock(store, user_id="alice")
    put(block, user(BOAT), session_id="monday")
    store.add("Alice prefers tea.", scope="/llamaindex/users/alice")
    assert BOAT in get(block, "What is the red boat called?", session_id="tuesday")
    assert get(block, "Does Alice prefer tea?").endswith("note: Alice prefers tea.")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_users_and_sessions_are_apart(store, name):
    block = AgentMemMemoryBlock(store)
    put(block, user(BOAT), session_id=name)
    assert BOAT in get(block, "red boat?", session_id=name)
    assert get(block, "red boat?", session_id=name + "x") == get(block, "red boat?") == ""
    one, other = (AgentMemMemoryBlock(store, user_id=user_id) for user_id in (name, name + "x"))
    assert get(one, "red boat?", session_id=name) == ""
    put(one, user(BOAT), session_id=name)
    assert BOAT in get(one, "red boat?")
    assert get(other, "red boat?", session_id=name) == ""


def test_a_block_may_refuse_what_leaves_the_short_term_memory(store):
    put(AgentMemMemoryBlock(store, accept_short_term_memory=False), user(BOAT))
    assert store.count() == 0


# Both, in a Memory


def memory_of(store, session_id="s", **options):
    block = AgentMemMemoryBlock(store, user_id="alice")
    small = {"token_limit": 80, "token_flush_size": 20, "chat_history_token_ratio": 0.7}
    chats = AgentMemChatStore(store)
    return Memory.from_defaults(session_id, chat_store=chats, memory_blocks=[block], **small, **options)


def test_a_memory_archives_what_is_old_and_recalls_it(store):
    memory = memory_of(store)
    memory.put_messages([user(BOAT), assistant("Noted.")])
    for n in range(6):
        memory.put_messages([user(f"Tell me about planet {n}. " * 3), assistant(f"Planet {n} is far. " * 3)])
    assert BOAT not in texts(memory.get_all(status=ACTIVE))
    assert texts(memory.get_all())[:2] == [BOAT, "Noted."]
    assert BOAT in memory.get("What is the red boat called?")[0].content
    assert BOAT in memory_of(store, "another session").get("What is the red boat called?")[0].content


def test_a_memory_begins_with_a_history_and_is_reset(store):
    memory = memory_of(store, chat_history=[user("Seeded.")])
    assert texts(memory.get()) == ["Seeded."]
    assert texts(memory_of(store).get()) == ["Seeded."], "another Memory reads the same session"
    memory.set([user("Set.")])
    assert texts(memory.get()) == ["Set."]
    memory.reset()
    assert memory.get() == []


def test_a_chat_engine_goes_on_after_a_restart(path):
    answers = []
    for question in ("My red boat is called Elsa.", "What is it called?"):
        memory = Memory.from_defaults("s", chat_store=AgentMemChatStore(path))
        engine = SimpleChatEngine.from_defaults(llm=MockLLM(), memory=memory)
        answers.append(str(engine.chat(question)))
        memory.sql_store.close()
    assert "My red boat is called Elsa." in answers[-1], "MockLLM repeats its prompt"


def test_an_agent_is_told_what_was_said_in_another_session(store):
    block = AgentMemMemoryBlock(store, user_id="alice")
    put(block, user(BOAT), session_id="monday")
    memory = Memory.from_defaults("tuesday", chat_store=AgentMemChatStore(store), memory_blocks=[block])
    model = MockFunctionCallingLLMWithChatMemoryOfLastCall()

    async def ask():
        await FunctionAgent(llm=model, tools=[]).run("What is the red boat called?", memory=memory)

    run(ask())
    assert BOAT in model.last_chat_messages[0].content
    assert memory.get_all()[0].content == "What is the red boat called?"


def test_copies_use_the_same_store(store):
    copied = copy.deepcopy(memory_of(store))
    copied.put(user("kept"))
    assert texts(memory_of(store).get_all()) == ["kept"]
    assert copy.deepcopy(AgentMemRetriever(store)).store is store


# Retriever


def test_a_retriever_finds_records_with_their_scores(store):
    id = store.add(BOAT, scope="/notes", metadata={"topic": "boats", "nested": {"n": [1]}})
    store.add("The car is in the garage.", scope="/notes")
    retriever = AgentMemRetriever(store, min_score=0.5)
    assert isinstance(retriever, BaseRetriever)
    (found,) = retriever.retrieve("What is the red boat called?")
    assert (found.node.node_id, found.text) == (id, BOAT)
    assert found.node.metadata == {"topic": "boats", "nested": {"n": [1]}}
    assert 0.5 <= found.score <= 1
    assert run(retriever.aretrieve(QueryBundle("red boat"))) == retriever.retrieve("red boat")


def test_filters_hold_inside_the_search(store):
    for n in range(20):
        store.add(f"Boat {n}", scope=f"/notes/{n % 2}", metadata={"n": n}, categories=["boat"])
    retriever = AgentMemRetriever(store, scope="/notes/1", where={"n": {"$gte": 10}}, similarity_top_k=3)
    found = retriever.retrieve("boat")
    assert len(found) == 3
    assert all(node.metadata["n"] >= 10 and node.metadata["n"] % 2 for node in found)
    assert AgentMemRetriever(store, categories=["car"]).retrieve("boat") == []
    with pytest.raises(agentmem.InvalidFilterError):
        AgentMemRetriever(store, mode="none").retrieve("boat")


@pytest.mark.parametrize("query", ["", " ", "\0", "\ud800", "?!"])
def test_an_empty_query_finds_nothing(store, query):
    store.add(BOAT)
    assert AgentMemRetriever(store).retrieve(query) == []


def test_a_query_engine_answers_from_records(store):
    store.add(BOAT, metadata={"topic": "boats"})
    synthesizer = get_response_synthesizer(llm=MockLLM())
    engine = RetrieverQueryEngine(AgentMemRetriever(store), response_synthesizer=synthesizer)
    answer = engine.query("What is the red boat called?")
    assert BOAT in str(answer)
    assert [node.text for node in answer.source_nodes] == [BOAT]


# All


@pytest.mark.parametrize("adapter", [AgentMemChatStore, AgentMemMemoryBlock, AgentMemRetriever])
def test_an_adapter_closes_only_what_it_opened(adapter, path, store):
    own = adapter(path)
    opened = own.store
    own.close()
    assert opened.closed
    assert not own.store.closed, "it opens again"
    own.close()
    given = adapter(store)
    given.close()
    assert given.store is store
    assert not store.closed


def test_a_closed_store_is_named_as_such(store, chats):
    block, retriever = AgentMemMemoryBlock(store), AgentMemRetriever(store)
    store.close()
    for use in (lambda: read(chats), lambda: get(block, "boat"), lambda: retriever.retrieve("boat")):
        with pytest.raises(agentmem.StoreClosedError):
            use()


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("llamaindex"), ids=lambda test: test.name
)
def test_the_example_of_the_docstring_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documentation.run(example, {})


@pytest.mark.parametrize("example", documentation.page_examples("frameworks/llamaindex.md"))
def test_the_example_of_the_page_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    assert texts(names["memory"].get()) == ["My red boat is called Elsa."]
    names["store"].close()
