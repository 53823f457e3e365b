"""The providers for the Agent Framework: their contracts, agents that use them, and odd input."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import documentation
import pytest
from agent_framework import (
    Agent,
    AgentResponse,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    ContextProvider,
    HistoryProvider,
    Message,
    SessionContext,
)

import agentmem
from agentmem.agent_framework import AgentMemContextProvider, AgentMemHistoryProvider

ODD_NAMES = ["", "a/b", "..", "a b", "nul\0", "👋", "\ud800", "%", "x" * 3000, "default"]
BOAT = "The red boat is called Elsa."


def user(text, **fields):
    return Message(role="user", contents=[text], **fields)


def assistant(text, **fields):
    return Message(role="assistant", contents=[text], **fields)


def texts(messages):
    return [message.text for message in messages]


@pytest.fixture
def history(store):
    return AgentMemHistoryProvider(store)


def load(history, session_id="s"):
    return asyncio.run(history.get_messages(session_id))


def save(history, *messages, session_id="s"):
    asyncio.run(history.save_messages(session_id, messages))


def turn(provider, said, answered=(), *, session_id="s", state=None):
    """One run of an agent: what it sees from the provider before the model, with these messages."""

    async def run():
        session = AgentSession(session_id=session_id)
        session.state.update(state or {})
        context = SessionContext(session_id=session_id, input_messages=list(said))
        around = {"agent": None, "session": session, "context": context, "state": {}}
        await provider.before_run(**around)
        context._response = AgentResponse(messages=list(answered))
        await provider.after_run(**around)
        return context.context_messages.get(provider.source_id, [])

    return asyncio.run(run())


# History


def test_it_is_a_history_provider_with_its_options(store):
    provider = AgentMemHistoryProvider(store)
    assert isinstance(provider, HistoryProvider)
    assert provider.load_messages
    assert provider.store_inputs
    assert provider.store_outputs
    assert not provider.store_context_messages
    options = {"source_id": "audit", "load_messages": False, "store_context_from": {"rag"}}
    audit = AgentMemHistoryProvider(store, **options)
    assert {name: getattr(audit, name) for name in options} == options


def test_messages_come_back_exactly_and_in_order(history):
    call = {"type": "function_call", "call_id": "1", "name": "rename", "arguments": '{"to": "Elsa"}'}
    result = {"type": "function_result", "call_id": "1", "result": "done"}
    messages = [
        user(
            "Rename it. 👋 \0", message_id="m1", author_name="Alice", additional_properties={"n": [1, None]}
        ),
        Message(role="assistant", contents=[call]),
        Message(role="tool", contents=[result]),
        assistant("Done.", additional_properties={"nested": {"x": 1.5}}),
    ]
    save(history, *messages)
    assert [message.to_dict() for message in load(history)] == [message.to_dict() for message in messages]


def test_a_run_loads_what_earlier_runs_stored(history):
    assert turn(history, [user("hello")], [assistant("hi")]) == []
    loaded = turn(history, [user("again")], [assistant("yes")])
    assert texts(loaded) == ["hello", "hi"]
    assert loaded[0].additional_properties["_attribution"]["source_type"] == "AgentMemHistoryProvider"
    assert texts(load(history)) == ["hello", "hi", "again", "yes"]
    assert "_attribution" not in load(history)[0].additional_properties


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"store_inputs": False}, ["hi"]),
        ({"store_outputs": False}, ["hello"]),
        ({"store_context_messages": True}, ["document", "note", "hello", "hi"]),
        ({"store_context_messages": True, "store_context_from": {"rag"}}, ["document", "hello", "hi"]),
    ],
)
def test_the_options_say_what_is_stored(store, options, expected):
    history = AgentMemHistoryProvider(store, **options)
    context = SessionContext(session_id="s", input_messages=[user("hello")])
    context.extend_messages("rag", [Message(role="system", contents=["document"])])
    context.extend_messages("other", [Message(role="system", contents=["note"])])
    context._response = AgentResponse(messages=[assistant("hi")])
    asyncio.run(history.after_run(agent=None, session=AgentSession(), context=context, state={}))
    assert texts(load(history)) == expected


def test_excluded_messages_can_be_left_out(store):
    save(
        AgentMemHistoryProvider(store), user("keep"), user("skip", additional_properties={"_excluded": True})
    )
    assert texts(load(AgentMemHistoryProvider(store))) == ["keep", "skip"]
    assert texts(load(AgentMemHistoryProvider(store, skip_excluded=True))) == ["keep"]


def test_a_repeated_conversation_is_stored_once(history):
    conversation = [user("hello"), assistant("hi")]
    save(history, *conversation)
    conversation += [user("again"), assistant("yes")]
    save(history, *conversation)
    save(history, *conversation, user("bye"))
    assert texts(load(history)) == ["hello", "hi", "again", "yes", "bye"]


def test_what_is_said_twice_is_stored_twice(history):
    for _ in range(2):
        save(history, user("yes"))
        save(history, user("yes"), assistant("ok"))
    assert texts(load(history)) == ["yes", "yes", "ok"] * 2


@pytest.mark.parametrize("name", ODD_NAMES)
def test_sessions_and_sources_are_apart(store, history, name):
    save(history, user("mine"), session_id=name)
    save(history, user("nobody's"), session_id=None)
    save(AgentMemHistoryProvider(store, source_id=name), user("other source"), session_id=name)
    assert texts(load(history, name)) == ["mine"]
    assert load(history, name + "x") == []
    assert texts(load(history, None)) == ["nobody's"]


def test_a_session_is_cleared_alone(history):
    save(history, user("a"), session_id="a")
    save(history, user("b"), session_id="b")
    asyncio.run(history.clear("a"))
    assert load(history, "a") == []
    assert texts(load(history, "b")) == ["b"]


def test_no_messages_are_no_write(history, store):
    save(history)
    assert store.journals() == []


def test_what_json_cannot_hold_is_left_out(history):
    odd = {"odd": object(), "set": {1}, "kept": 1, "deep": [{"odd": object()}]}
    save(history, user("fine", additional_properties=odd))
    (message,) = load(history)
    assert message.additional_properties["kept"] == 1
    assert {"odd", "set"}.isdisjoint(message.additional_properties)


@pytest.mark.file
def test_damaged_messages_are_left_out(path):
    async def run():
        async with AgentMemHistoryProvider(path) as history:
            await history.save_messages("s", [user("one"), user("two")])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "UPDATE entries SET checksum = checksum + 1 WHERE number = (SELECT max(number) FROM entries)"
            )
        return texts(await history.get_messages("s"))

    assert asyncio.run(run()) == ["one"]


def test_event_loops_and_threads_share_a_provider(history):
    saves = [threading.Thread(target=save, args=(history, user(str(n)), assistant(str(n)))) for n in range(8)]
    [thread.start() for thread in saves]
    [thread.join() for thread in saves]
    found = texts(load(history))
    assert sorted(found) == sorted(2 * [str(n) for n in range(8)])
    assert found[::2] == found[1::2], "the messages of a save stay together"


def test_processes_share_a_session(path, history):
    program = (
        "import asyncio, sys\n"
        "from agent_framework import Message\n"
        "from agentmem.agent_framework import AgentMemHistoryProvider\n"
        "history = AgentMemHistoryProvider(sys.argv[1])\n"
        "for n in range(60):\n"
        "    turn = [Message(role=role, contents=[f'{sys.argv[2]}{n}']) for role in ('user', 'assistant')]\n"
        "    asyncio.run(history.save_messages('s', turn))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    found = texts(load(history))
    assert found[::2] == found[1::2]
    for name in "ab":
        assert [text for text in found[::2] if text[0] == name] == [f"{name}{n}" for n in range(60)]


def test_a_cancelled_save_has_ended_when_the_caller_goes_on(history):
    async def run():
        task = asyncio.create_task(history.save_messages("s", [user("kept")]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return texts(await history.get_messages("s"))

    assert asyncio.run(run()) == ["kept"]


# Memory


def test_it_is_a_context_provider(store):
    provider = AgentMemContextProvider(store)
    assert isinstance(provider, ContextProvider)
    assert provider.source_id == "agentmem"


def test_what_was_said_is_recalled_in_another_session(store):
    memory = AgentMemContextProvider(store, user_id="alice", context_prompt="# Known")
    turn(memory, [user(BOAT)], [assistant("A fine name.")], session_id="monday")
    (message,) = turn(memory, [user("What is the red boat called?")], session_id="tuesday")
    day = store.list(order="oldest")[0].created_at.date()
    assert message.text == f"# Known\n- {day}, user: {BOAT}"
    assert message.role == "user"
    assert message.additional_properties["_attribution"]["origin_session_ids"] == ["monday"]


def test_only_what_answers_is_recalled(store):
    memory = AgentMemContextProvider(store, user_id="alice", limit=3)
    office = [user(f"Note {n} about the harbour office.") for n in range(20)]
    turn(memory, [user(BOAT), *office], session_id="monday")
    for nothing in ("Which planets have rings?", "", " \n", "\0"):
        assert turn(memory, [user(nothing)], session_id="tuesday") == []
    (message,) = turn(memory, [user("Where is the harbour office?")], session_id="wednesday")
    assert message.text.count("harbour office") == 3


def test_only_what_users_and_agents_say_is_remembered(store):
    memory = AgentMemContextProvider(store, user_id="alice")
    result = {"type": "function_result", "call_id": "1", "result": "tool"}
    said = [Message(role="system", contents=["system"]), user(BOAT), user(" "), user(BOAT)]
    turn(memory, said, [Message(role="tool", contents=[result]), assistant("Noted.")])
    turn(memory, [user(BOAT)], [assistant("Noted.")])
    assert sorted(record.content for record in store.list()) == ["Noted.", BOAT]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_users_are_apart(store, name):
    def owner(session):
        return session.state["user"]

    memory = AgentMemContextProvider(store, user_id=owner)
    turn(memory, [user(BOAT)], state={"user": name})
    assert turn(memory, [user("red boat?")], state={"user": name + "x"}) == []
    assert turn(AgentMemContextProvider(store), [user("red boat?")]) == []
    assert len(turn(AgentMemContextProvider(store, user_id=name), [user("red boat?")], session_id="t")) == 1


def test_without_a_user_memories_stay_in_their_session(store):
    memory = AgentMemContextProvider(store)
    turn(memory, [user(BOAT)], session_id="a/b")
    (message,) = turn(memory, [user("What is the red boat called?")], session_id="a/b")
    assert "origin_session_ids" not in message.additional_properties["_attribution"]
    assert turn(memory, [user("red boat?")], session_id="a") == []


def test_facts_that_were_stored_otherwise_are_recalled(store):
    store.add("Alice prefers tea.", scope="/agent-framework/users/alice")
    (message,) = turn(AgentMemContextProvider(store, user_id="alice"), [user("Does Alice prefer tea?")])
    assert message.text.endswith("note: Alice prefers tea.")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_1_is_refused_at_once(store, limit):
    with pytest.raises(agentmem.InvalidFilterError, match="at least 1"):
        AgentMemContextProvider(store, limit=limit)


@pytest.mark.parametrize("text", ["nul\0boat", "half \ud800 boat", "boat " * 20_000])
def test_odd_texts_are_remembered(store, text):
    memory = AgentMemContextProvider(store, user_id="alice")
    turn(memory, [user(text)])
    assert len(turn(memory, [user("boat")])) == 1


@pytest.mark.parametrize("provider", [AgentMemHistoryProvider, AgentMemContextProvider])
def test_a_provider_closes_only_what_it_opened(provider, path, store):
    async def run():
        async with provider(path) as own:
            opened = own.store
            assert not opened.closed
        assert opened.closed
        async with provider(store):
            pass
        assert not store.closed

    asyncio.run(run())
    store.close()
    with pytest.raises(agentmem.StoreClosedError):
        turn(provider(store), [user("boat")])


# Agents


class ScriptedClient(BaseChatClient):
    """Answers with texts in order, and keeps what it was sent."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.requests = []

    def _inner_get_response(self, *, messages, stream, options, **_):
        self.requests.append(texts(messages))
        answer = self.answers.pop(0) if self.answers else "Noted."

        async def response():
            return ChatResponse(messages=[assistant(answer)], response_id="r")

        async def updates():
            for word in answer.split():
                yield ChatResponseUpdate(role="assistant", contents=[Content.from_text(word + " ")])

        return self._build_response_stream(updates()) if stream else response()


def test_an_agent_goes_on_with_a_session_after_a_restart(path):
    async def run():
        client = ScriptedClient()
        for question in ("My red boat is called Elsa.", "What is it called?"):
            async with AgentMemHistoryProvider(path) as history:
                agent = Agent(client=client, context_providers=[history])
                await agent.run(question, session=agent.create_session(session_id="s"))
        return client.requests[-1]

    assert asyncio.run(run()) == ["My red boat is called Elsa.", "Noted.", "What is it called?"]


def test_an_agent_is_told_what_was_said_in_another_session(store):
    async def run():
        client = ScriptedClient()
        providers = [AgentMemHistoryProvider(store), AgentMemContextProvider(store, user_id="alice")]
        agent = Agent(client=client, context_providers=providers)
        await agent.run(BOAT, session=agent.create_session())
        await agent.run("What is the red boat called?", session=agent.create_session())
        return client.requests[-1]

    memories, question = asyncio.run(run())
    assert memories.endswith(f"user: {BOAT}")
    assert question == "What is the red boat called?"


def test_a_streamed_answer_is_kept_and_remembered(store):
    async def run():
        memory = AgentMemContextProvider(store, user_id="alice")
        history = AgentMemHistoryProvider(store)
        agent = Agent(client=ScriptedClient("Elsa sails to Oslo."), context_providers=[history, memory])
        session = agent.create_session(session_id="s")
        async for _ in agent.run("Where does Elsa sail?", session=session, stream=True):
            pass
        return texts(await history.get_messages("s"))

    assert [text.strip() for text in asyncio.run(run())] == ["Where does Elsa sail?", "Elsa sails to Oslo."]
    assert store.count() == 2


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("agent_framework"), ids=lambda test: test.name
)
def test_the_example_of_the_docstring_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documentation.run(example, {"client": ScriptedClient()})


@pytest.mark.parametrize("example", documentation.page_examples("frameworks/agent-framework.md"))
def test_the_example_of_the_page_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"client": ScriptedClient("Noted.", "Elsa.")}
    exec(example, names)
    assert asyncio.run(names["chat"]()).text == "Elsa."
    assert "Elsa" in names["client"].requests[-1][0]
    names["store"].close()
