"""AgentMemSession beyond the SDK's own tests: what it remembers, and what it does with odd input."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import documentation
import pytest
from agents import Agent, Runner, Session
from agents.extensions.memory import EncryptedSession
from agents.memory import SessionSettings
from agents.testing import ScriptedModel, assistant_message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentmem
from agentmem.openai_agents import AgentMemSession

texts = st.text(st.one_of(st.characters(), st.sampled_from("/%. \0\ud800")), max_size=20)
items = st.dictionaries(
    texts, st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists), max_size=4
)


def user(text):
    return {"role": "user", "content": text}


@pytest.fixture
def session(path):
    session = AgentMemSession("user-42", path, remember=True)
    yield session
    session.close()


def test_it_is_a_session(session):
    assert isinstance(session, Session)
    assert session.session_settings == SessionSettings()
    assert not hasattr(session, "run_compaction")


@given(st.lists(st.lists(items, max_size=3), max_size=4), st.none() | st.integers(0, 6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_items_come_back_equal_and_in_order(path, batches, limit):
    async def run():
        session = AgentMemSession("s", path)
        await session.clear_session()
        for batch in batches:
            await session.add_items(batch)
        found = await session.get_items(limit=limit)
        session.close()
        return found

    added = [item for batch in batches for item in batch]
    assert asyncio.run(run()) == (added if limit is None else added[len(added) - min(limit, len(added)) :])


@pytest.mark.parametrize("name", ["", "a/../b", "..", "x" * 3000, "a b", "nul\0", "👋", "\ud800", "%"])
def test_any_name_is_a_session_of_its_own(path, name):
    async def run():
        one, other = AgentMemSession(name, path, remember=True), AgentMemSession(name + "x", path)
        await one.add_items([user("mine")])
        assert await other.get_items() == []
        assert await one.get_items() == [user("mine")]
        assert [hit.record.content for hit in one.recall("mine")] == ["mine"]
        one.close()
        other.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("one", "other"), [("alice", "bob"), ("alice", None), ("a", "a/b"), ("..", ""), ("x" * 3000, "x")]
)
def test_users_have_sessions_and_memories_of_their_own(path, one, other):
    async def run():
        mine = AgentMemSession("chat", path, remember=True, user=one)
        theirs = AgentMemSession("chat", path, remember=True, user=other)
        await mine.add_items([user("my beacon")])
        await theirs.add_items([user("their beacon")])
        later = AgentMemSession("later", path, user=one)
        assert [hit.record.content for hit in later.recall("beacon")] == ["my beacon"]
        assert [hit.record.content for hit in theirs.recall("beacon")] == ["their beacon"]
        await theirs.clear_session()
        assert await mine.get_items() == [user("my beacon")]
        for session in (mine, theirs, later):
            session.close()

    asyncio.run(run())


def test_remembered_messages_are_found_from_another_session(session, path):
    async def run():
        parts = [{"type": "output_text", "text": "Ulm is noted."}]
        await session.add_items([user("I moved to Ulm."), {"role": "assistant", "content": parts}])
        await session.add_items([{"type": "function_call_output", "call_id": "1", "output": "Ulm, secret"}])

    asyncio.run(run())
    other = AgentMemSession("another", path)
    assert {hit.record.content for hit in other.recall("Ulm")} == {"I moved to Ulm.", "Ulm is noted."}
    other.close()


def test_what_is_popped_or_cleared_is_not_remembered(session):
    async def run():
        await session.add_items([user("alpha beacon"), user("beta beacon")])
        assert await session.pop_item() == user("beta beacon")
        assert [hit.record.content for hit in session.recall("beacon")] == ["alpha beacon"]
        await session.clear_session()

    asyncio.run(run())
    assert session.recall("beacon") == []
    assert session.store.count() == 0


def test_without_remember_nothing_is_searchable(path):
    session = AgentMemSession("s", path)
    asyncio.run(session.add_items([user("zebra")]))
    assert session.recall("zebra") == []
    session.close()


def test_the_tool_answers_from_memory(session):
    asyncio.run(session.add_items([user("The safe key is in the blue drawer.")]))
    tool = session.recall_tool()
    assert tool.name == "recall"
    assert "query" in tool.params_json_schema["properties"]


def test_an_item_that_json_cannot_hold_is_refused_and_nothing_is_added(session):
    with pytest.raises(TypeError):
        asyncio.run(session.add_items([user("fine"), {"role": object()}]))
    assert asyncio.run(session.get_items()) == []
    assert session.store.count() == 0


def test_two_event_loops_share_a_session(session):
    threads = [
        threading.Thread(target=lambda n=n: asyncio.run(session.add_items([user(str(n))]))) for n in range(8)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(asyncio.run(session.get_items())) == 8


def test_poppers_in_two_processes_never_get_the_same(session, path):
    asyncio.run(session.add_items([user(str(n)) for n in range(60)]))
    program = (
        "import asyncio, sys\nfrom agentmem.openai_agents import AgentMemSession\n"
        "session = AgentMemSession('user-42', sys.argv[1])\n"
        "while (item := asyncio.run(session.pop_item())) is not None: print(item['content'])"
    )
    command = [sys.executable, "-c", program, str(path)]
    poppers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    popped = [line for popper in poppers for line in popper.communicate(timeout=100)[0].split()]
    assert sorted(map(int, popped)) == list(range(60))


def test_a_cancelled_write_has_ended_when_the_caller_goes_on(session):
    async def run():
        task = asyncio.create_task(session.add_items([user("kept")]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await session.get_items()

    assert asyncio.run(run()) in ([], [user("kept")])
    before = asyncio.run(session.get_items())
    assert before == asyncio.run(session.get_items())


@pytest.mark.file
def test_damaged_items_are_skipped_and_do_not_count_against_the_limit(session, path):
    asyncio.run(session.add_items([user("one"), user("two"), user("three")]))
    session.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        newest = "(SELECT max(number) FROM entries)"
        connection.execute(f"UPDATE entries SET checksum = checksum + 1 WHERE number = {newest}")
    again = AgentMemSession("user-42", path)
    assert asyncio.run(again.get_items(limit=2)) == [user("one"), user("two")]
    assert asyncio.run(again.get_items(limit=0)) == []
    assert asyncio.run(again.get_items()) == [user("one"), user("two")]
    assert asyncio.run(again.pop_item()) == user("two")
    assert [hit.record.content for hit in again.recall("one two three")] == ["three", "one"]
    with pytest.raises(agentmem.CorruptStoreError):  # it is still there, and still reported
        again.store.journal("sessions/user-42").read()
    asyncio.run(again.add_items([user("four")]))
    assert [asyncio.run(again.pop_item()) for _ in range(3)] == [user("four"), user("one"), None]
    asyncio.run(again.clear_session())
    assert again.store.journals() == []
    assert again.store.count() == 0
    again.close()


def test_an_open_store_stays_open(path):
    with agentmem.open(path) as store:
        session = AgentMemSession("s", store)
        session.close()
        assert not store.closed
        with pytest.raises(RuntimeError, match="closed"):
            asyncio.run(session.get_items())
        other = AgentMemSession("s", store)
    for call in (other.get_items, other.pop_item, other.clear_session, lambda: other.add_items([user("x")])):
        with pytest.raises(agentmem.StoreClosedError):
            asyncio.run(call())


def test_settings_limit_what_is_read(path):
    session = AgentMemSession("s", path, session_settings={"limit": 1})
    asyncio.run(session.add_items([user("a"), user("b")]))
    assert asyncio.run(session.get_items()) == [user("b")]
    session.session_settings = None
    assert len(asyncio.run(session.get_items())) == 2
    with pytest.raises(TypeError):
        session.session_settings = {"limitt": 1}
    session.close()


def agent(*answers):
    return Agent(name="Helper", model=ScriptedModel([[assistant_message(answer)] for answer in answers]))


def test_the_runner_keeps_a_conversation(session):
    Runner.run_sync(agent("Noted."), "I moved to Ulm.", session=session)
    model = agent("In Ulm.")
    Runner.run_sync(model, "Where do I live?", session=session)
    assert [item["role"] for item in asyncio.run(session.get_items())] == ["user", "assistant"] * 2
    assert "I moved to Ulm." in str(model.model.calls[0].input)


@pytest.mark.file
def test_an_encrypted_session_may_be_on_top(session, path):
    encrypted = EncryptedSession("user-42", underlying_session=session, encryption_key="secret")
    asyncio.run(encrypted.add_items([user("zebra one"), user("zebra two"), user("zebra three")]))
    assert asyncio.run(encrypted.pop_item()) == user("zebra three")
    assert asyncio.run(encrypted.get_items(limit=1)) == [user("zebra two")]
    session.store.close()
    assert b"zebra" not in path.read_bytes()


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("openai_agents"), ids=lambda test: test.name
)
def test_the_example_of_the_docstring_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documentation.run(example, {"agent": agent("Noted.")})


@pytest.mark.parametrize("example", documentation.page_examples("frameworks/openai-agents.md"))
def test_the_example_of_the_page_runs(example, capsys):
    model = agent("Noted.").model
    exec(compile(example, "openai-agents.md", "exec"), {"model": model})
    assert capsys.readouterr().out == "I moved to Ulm.\n"
