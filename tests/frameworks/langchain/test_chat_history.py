"""AgentMemChatMessageHistory: exact messages in order, what it remembers, and bad input."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables.history import RunnableWithMessageHistory

import agentmem
from agentmem.langchain import AgentMemChatMessageHistory, AgentMemRetriever

MESSAGES = [
    SystemMessage("Be kind.", id="1"),
    HumanMessage(
        content=[{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": "x"}]
    ),
    AIMessage(
        "",
        tool_calls=[{"name": "look", "args": {"at": "\ud800\0"}, "id": "c", "type": "tool_call"}],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"model": "m"},
    ),
    ToolMessage("A cat.", tool_call_id="c", artifact={"pixels": [1, 2.5, None]}),
    AIMessageChunk("It is a cat."),
    ChatMessage("aside", role="narrator"),
    RemoveMessage(id="1"),
]


def texts(history):
    return [message.text for message in history.messages]


def test_messages_of_all_types_come_back_equal_and_in_order(path):
    history = AgentMemChatMessageHistory("s", path)
    history.add_messages(MESSAGES[:3])
    history.add_messages(MESSAGES[3:])
    history.close()
    again = AgentMemChatMessageHistory("s", path)
    assert again.messages == MESSAGES
    again.clear()
    assert again.messages == []
    again.close()


async def test_coroutines_do_the_same(store):
    history = AgentMemChatMessageHistory("s", store)
    await history.aadd_messages(MESSAGES)
    assert await history.aget_messages() == MESSAGES
    await history.aclear()
    assert await history.aget_messages() == []


@pytest.mark.parametrize("name", ["", "a/../b", "..", "x" * 3000, "a b", "nul\0", "👋", "\ud800", "%"])
def test_any_name_is_a_chat_of_its_own(store, name):
    one = AgentMemChatMessageHistory(name, store, remember=True)
    other = AgentMemChatMessageHistory(name + "x", store, remember=True)
    one.add_user_message("mine")
    other.clear()
    assert (texts(one), texts(other)) == (["mine"], [])
    assert store.count() == 1


def test_what_was_said_is_found_in_all_chats(store):
    first = AgentMemChatMessageHistory("first", store, remember=True)
    first.add_messages([HumanMessage("I moved to Ulm."), ToolMessage("Ulm: 126,000", tool_call_id="c")])
    AgentMemChatMessageHistory("second", store, remember=True).add_ai_message("Ulm is noted.")
    AgentMemChatMessageHistory("third", store).add_user_message("Ulm again")
    retriever = AgentMemRetriever(store=store, scope="/chats", dialogue=True)
    assert {document.page_content for document in retriever.invoke("Ulm")} == {
        "I moved to Ulm.",
        "Ulm is noted.",
    }
    assert retriever.invoke("who moved to Ulm?")[0].metadata == {"role": "human"}
    first.clear()
    assert [document.page_content for document in retriever.invoke("Ulm")] == ["Ulm is noted."]


def test_scopes_keep_what_users_said_apart(store):
    for name in ("alice", "bob"):
        scope = f"/user/{name}/chats"
        history = AgentMemChatMessageHistory("1", store, remember=True, scope=scope)
        history.add_user_message(f"{name} likes tea.")
        assert [message.content for message in history.messages] == [f"{name} likes tea."]
    retriever = AgentMemRetriever(store=store, scope="/user/alice", dialogue=True)
    assert [document.page_content for document in retriever.invoke("tea")] == ["alice likes tea."]
    with pytest.raises(agentmem.InvalidRecordError):
        AgentMemChatMessageHistory("1", store, scope="/a\0")


def test_clearing_leaves_other_records_of_the_scope(store):
    store.add("Alice prefers email.", scope="/user/alice")
    history = AgentMemChatMessageHistory("alice", store, remember=True, scope="/user")
    history.add_user_message("Call me.")
    history.clear()
    assert [record.content for record in store.list()] == ["Alice prefers email."]


def test_a_message_that_cannot_be_kept_is_refused_and_nothing_is_added(store):
    class Own(HumanMessage):
        type: str = "own"

    history = AgentMemChatMessageHistory("s", store, remember=True)
    for message, error in (
        (HumanMessage("x", additional_kwargs={"o": object()}), TypeError),
        (HumanMessage("x", additional_kwargs={"b": b"bytes"}), TypeError),
        (Own("x"), ValueError),
    ):
        with pytest.raises(error):
            history.add_messages([HumanMessage("fine"), message])
    history.add_messages([])
    assert history.messages == []
    assert store.count() == 0


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning")
def test_a_runnable_keeps_its_history(store):
    runnable = RunnableWithMessageHistory(
        FakeListChatModel(responses=["Hello!", "Bye!"]),
        lambda session_id: AgentMemChatMessageHistory(session_id, store),
    )
    config = {"configurable": {"session_id": "user-42"}}
    runnable.invoke([HumanMessage("Hi")], config)
    asyncio.run(runnable.ainvoke([HumanMessage("Ciao")], config))
    assert texts(AgentMemChatMessageHistory("user-42", store)) == ["Hi", "Hello!", "Ciao", "Bye!"]


def test_writers_in_two_processes_lose_nothing(path):
    program = (
        "import sys\nfrom agentmem.langchain import AgentMemChatMessageHistory\n"
        "history = AgentMemChatMessageHistory('s', sys.argv[1])\n"
        "for n in range(30): history.add_user_message(sys.argv[2] + str(n))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    history = AgentMemChatMessageHistory("s", path)
    for name in "ab":
        written = [text for text in texts(history) if text.startswith(name)]
        assert written == [f"{name}{n}" for n in range(30)]
    history.close()


async def test_a_cancelled_caller_leaves_whole_writes(store):
    history = AgentMemChatMessageHistory("s", store)
    task = asyncio.create_task(history.aadd_messages([HumanMessage("a"), HumanMessage("b")]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert texts(history) in ([], ["a", "b"])


@pytest.mark.file
def test_damaged_messages_are_left_out(path):
    history = AgentMemChatMessageHistory("s", path)
    history.add_messages([HumanMessage("one"), HumanMessage("two")])
    history.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        newest = "(SELECT max(number) FROM entries)"
        connection.execute(f"UPDATE entries SET checksum = checksum + 1 WHERE number = {newest}")
    assert texts(history) == ["one"]
    history.close()


def test_a_closed_store_says_so(store):
    history = AgentMemChatMessageHistory("s", store)
    store.close()
    with pytest.raises(agentmem.StoreClosedError):
        history.add_user_message("x")
