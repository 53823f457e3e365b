"""AgentMemMemoryService: the contract of ADK's memory services, agents that use it, and odd input."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import unicodedata
from datetime import datetime, timedelta, timezone

import documentation
import pytest
from google.adk.agents import Agent
from google.adk.cli.service_registry import get_service_registry
from google.adk.events.event import Event
from google.adk.memory.base_memory_service import BaseMemoryService
from google.adk.memory.memory_entry import MemoryEntry
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService, Session
from google.adk.tools import load_memory, preload_memory
from google.genai.types import Blob, Content, FunctionCall, Part

import agentmem
from agentmem.google_adk import AgentMemMemoryService

ODD_NAMES = ["", "a/b", "..", "a b", "nul\0", "👋", "\ud800", "%", "x" * 3000, "deleted", "sessions"]


def content(*parts):
    parts = [Part(text=part) if isinstance(part, str) else part for part in parts]
    return Content(role="user", parts=parts)


def event(id, *parts, **fields):
    return Event(id=id, author="user", content=content(*parts), **{"timestamp": 1_700_000_000.0, **fields})


def session(*events, id="s", app="app", user="alice"):
    return Session(id=id, app_name=app, user_id=user, events=list(events))


def search(service, query, app="app", user="alice"):
    return asyncio.run(service.search_memory(app_name=app, user_id=user, query=query)).memories


def ids(service, query, app="app", user="alice"):
    return [memory.id for memory in search(service, query, app, user)]


def add_session(service, *events, **of):
    asyncio.run(service.add_session_to_memory(session(*events, **of)))


def add_events(service, *events, app="app", user="alice", **arguments):
    asyncio.run(service.add_events_to_memory(app_name=app, user_id=user, events=events, **arguments))


def add_memory(service, *memories, app="app", user="alice", **arguments):
    asyncio.run(service.add_memory(app_name=app, user_id=user, memories=memories, **arguments))


def delete(service, id, app="app", user="alice"):
    asyncio.run(service.delete_memory(app_name=app, user_id=user, memory_id=id))


@pytest.fixture
def service(path):
    service = AgentMemMemoryService(path)
    yield service
    asyncio.run(service.close())


BOATS = (event("e1", "The red boat is called Elsa."), event("e2", "It lies in Hamburg."))


def test_it_is_a_memory_service(service):
    assert isinstance(service, BaseMemoryService)


def test_an_event_is_found_as_it_was(service):
    image = Part(inline_data=Blob(data=b"\xff\0\xfe", mime_type="image/png"))
    call = Part(function_call=FunctionCall(name="rename", args={"boat": None, "to": ["Elsa", 1.5]}))
    thought = Part(text="A pun on zeppelins?", thought=True, thought_signature=b"\xfb")
    stored = event("e1", "The red boat", "is called Elsa.", image, call, thought)
    add_session(service, stored)
    (memory,) = search(service, "What is the red boat called?")
    assert memory == MemoryEntry(
        id="e1", content=stored.content, author="user", timestamp="2023-11-14T22:13:20+00:00"
    )
    assert search(service, "zeppelins") == [], "thoughts are not searched"


def test_events_without_text_are_no_memories(service):
    call = Part(function_call=FunctionCall(name="boat", args={}))
    add_session(service, event("a", call), event("b", " \n"), event("c"), Event(author="user", id="d"))
    assert service.store.count() == 0


@pytest.mark.parametrize("query", ["", "   ", "\n", "\0", "?!"])
def test_an_empty_query_finds_nothing(service, query):
    add_session(service, *BOATS)
    assert search(service, query) == []


@pytest.mark.parametrize("query", ["ELSA", "boats", "elsaa", "Where is the boat called Elsa?"])
def test_words_are_found_in_other_cases_and_forms(service, query):
    add_session(service, *BOATS)
    assert ids(service, query)[0] == "e1"


@pytest.mark.parametrize(
    ("text", "query", "other"),
    [
        ("我喜欢喝茶", "喝茶", "天气"),
        ("私はPythonでADKを使っています", "python", "Java"),
        ("私の名前は太郎です", "太郎", "天気"),
        ("제 이름은 민수입니다", "민수입니다", "날씨"),
        ("Меня зовут Алексей", "алексей", "погода"),
        (unicodedata.normalize("NFD", "Meet at the Café"), "café", "Ruby"),
    ],
)
def test_all_scripts_are_searched(service, text, query, other):
    add_session(service, event("a", text))
    assert ids(service, query) == ["a"]
    assert ids(service, other) == []


def test_the_best_match_comes_first(service):
    notes = [event(f"n{n}", f"Note {n} about work.") for n in range(20)]
    ready = [event("some", "The deploy is ready."), event("all", "The deploy status is ready.")]
    add_session(service, *notes, *ready)
    assert ids(service, "deploy status ready") == ["all", "some"]


def test_a_memory_is_a_copy(service):
    said = event("e1", "I prefer jasmine tea.")
    add_session(service, said)
    said.content.parts[0].text = "I prefer coffee."
    search(service, "jasmine")[0].content.parts.clear()
    assert search(service, "jasmine")[0].content.parts == [Part(text="I prefer jasmine tea.")]


def test_few_and_relevant_memories_are_returned(service):
    many = [event(f"n{n}", f"Note {n} about the harbour office.") for n in range(30)]
    add_session(service, *BOATS, *many)
    assert len(ids(service, "harbour office")) == 10
    assert ids(service, "What is the red boat called?") == ["e1"]
    assert ids(service, "Which planets have rings?") == []


def test_all_sessions_of_a_user_are_searched(service):
    add_session(service, BOATS[0], id="monday")
    add_session(service, event("e1", "Elsa sails to Oslo."), id="tuesday")
    found = {memory.content.parts[0].text for memory in search(service, "Elsa")}
    assert found == {"The red boat is called Elsa.", "Elsa sails to Oslo."}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_applications_and_users_are_apart(service, name):
    add_session(service, *BOATS, app=name, user="alice", id=name)
    add_session(service, *BOATS, app="app", user=name, id=name)
    add_memory(service, MemoryEntry(id="m", content=content("Elsa is blue.")), app=name, user=name)
    assert ids(service, "red boat", app=name) == ids(service, "red boat", user=name) == ["e1"]
    assert ids(service, "Elsa", app=name, user=name) == ["m"]
    assert ids(service, "Elsa") == ids(service, "Elsa", app=name, user="bob") == []
    delete(service, "e1", user=name)
    assert ids(service, "red boat", app=name) == ["e1"]


# Sessions


def test_a_session_added_again_writes_only_what_changed(service):
    add_session(service, *BOATS)
    before = service.store.list(order="written", scope="/adk/app/alice")
    add_session(service, *BOATS, event("e3", "Her captain is Ida."))
    after = service.store.list(order="written", scope="/adk/app/alice")[:2]
    assert after == before
    assert [record.version for record in after] == [record.version for record in before]
    assert ids(service, "captain") == ["e3"]


def test_edited_events_are_replaced_and_lost_ones_deleted(service):
    add_session(service, *BOATS)
    add_session(service, event("e1", "The green boat is called Elsa."))
    assert ids(service, "green boat") == ["e1"]
    assert ids(service, "red") == ids(service, "Hamburg") == []
    add_session(service)
    assert service.store.count() == 0


def test_another_session_keeps_its_events(service):
    add_session(service, BOATS[0], id="monday")
    add_session(service, BOATS[1], id="tuesday")
    add_session(service, id="monday")
    assert ids(service, "Hamburg") == ["e2"]
    assert service.store.count() == 1


def test_a_session_that_cannot_be_stored_changes_nothing(service):
    add_session(service, *BOATS)
    with pytest.raises(agentmem.InvalidRecordError, match="timestamp nan"):
        add_session(service, event("e3", "new"), event("e4", "bad", timestamp=float("nan")))
    assert sorted(record.metadata["id"] for record in service.store.list()) == ["e1", "e2"]


# Events


def test_added_events_leave_the_others(service):
    add_session(service, BOATS[0])
    add_events(service, BOATS[1], session_id="s")
    add_events(service, BOATS[1], BOATS[1], session_id="s")
    add_events(service)
    assert service.store.count() == 2
    add_session(service, *BOATS)
    assert service.store.count() == 2, "they belong to the session"


def test_added_events_replace_those_with_their_ids(service):
    add_events(service, *BOATS)
    add_events(service, event("e2", "It lies in Oslo."))
    assert (ids(service, "Oslo"), ids(service, "Hamburg")) == (["e2"], [])


def test_events_without_a_session_are_found(service):
    add_events(service, *BOATS)
    add_session(service, event("e1", "In a session."), id="")
    assert ids(service, "red boat") == ["e1"]


def test_an_event_with_and_without_its_session_is_found_once(service):
    add_events(service, *BOATS)
    add_session(service, *BOATS)
    assert service.store.count() == 4
    assert ids(service, "red boat") == ["e1"]


def test_custom_metadata_comes_back(service):
    add_events(service, BOATS[0], session_id="s", custom_metadata={"topic": "boats", "odd": {1, object}})
    assert search(service, "red boat")[0].custom_metadata["topic"] == "boats"
    add_session(service, *BOATS)
    assert search(service, "red boat")[0].custom_metadata["topic"] == "boats"


@pytest.mark.parametrize("ttl", [3600, "3600s", timedelta(hours=1)])
def test_memories_expire(service, ttl):
    add_events(service, BOATS[0], custom_metadata={"ttl": ttl})
    add_memory(service, MemoryEntry(content=content("A fact.")), custom_metadata={"ttl": ttl})
    soon = datetime.now(timezone.utc) + timedelta(minutes=59)
    assert [0 < (r.expires_at - soon).total_seconds() <= 60 for r in service.store.list()] == [True] * 2


def test_a_bad_ttl_is_refused(service):
    with pytest.raises(ValueError, match="soon"):
        add_events(service, *BOATS, custom_metadata={"ttl": "soon"})
    assert service.store.count() == 0


# Memories that an agent adds


def test_a_memory_is_found_as_it_was(service):
    memory = MemoryEntry(
        id="m1",
        content=content("The red boat is called Elsa."),
        author="helper",
        timestamp="last Monday",
        custom_metadata={"source": "logbook"},
    )
    add_memory(service, memory, custom_metadata={"source": "overridden", "kind": "fact"})
    (found,) = search(service, "red boat")
    assert found == memory.model_copy(update={"custom_metadata": {"source": "logbook", "kind": "fact"}})


def test_a_memory_without_an_id_is_stored_once(service):
    memory = MemoryEntry(content=content("The red boat is called Elsa."), timestamp="2024-05-01T12:30:00")
    add_memory(service, memory)
    add_memory(service, memory)
    (found,) = search(service, "red boat")
    delete(service, found.id)
    assert search(service, "red boat") == []
    add_memory(service, memory)
    assert ids(service, "red boat") == [found.id], "who adds a memory wants it"


def test_a_memory_without_text_is_refused(service):
    with pytest.raises(agentmem.InvalidRecordError, match="no text"):
        add_memory(service, MemoryEntry(content=content("fine")), MemoryEntry(content=content()))
    assert service.store.count() == 0


def test_facts_that_were_stored_otherwise_are_memories(service):
    id = service.store.add("Alice prefers tea.", scope="/adk/app/alice/sessions/s")
    add_session(service, *BOATS)
    add_session(service)
    (memory,) = search(service, "Does Alice prefer tea?")
    assert (memory.id, memory.content.parts) == (id, [Part(text="Alice prefers tea.")])
    delete(service, id, user="bob")
    assert ids(service, "tea") == [id]
    delete(service, id)
    assert ids(service, "tea") == []


# Deleting


def test_a_deleted_event_stays_deleted(service, path):
    add_session(service, *BOATS)
    delete(service, "e1")
    for another in (service, AgentMemMemoryService(path)):
        add_session(another, *BOATS)
        add_events(another, *BOATS, session_id="s")
        add_events(another, *BOATS)
        assert ids(another, "red boat") == []
        assert ids(another, "Hamburg") == ["e2"]
    asyncio.run(another.close())


def test_deleting_is_about_one_user_and_one_memory(service):
    add_session(service, *BOATS)
    add_session(service, *BOATS, user="bob")
    delete(service, "e1", user="bob")
    delete(service, "e2", app="other")
    delete(service, "")
    delete(service, None)
    delete(service, "unknown")
    assert (ids(service, "red boat"), ids(service, "Hamburg")) == (["e1"], ["e2"])


def test_an_event_that_is_added_while_it_is_deleted_does_not_stay(service):
    async def run():
        for n in range(20):
            events = [event(f"{n}-{k}", f"boat {n} {k}") for k in range(5)]
            await asyncio.gather(
                service.add_session_to_memory(session(*events)),
                service.delete_memory(app_name="app", user_id="alice", memory_id=f"{n}-3"),
                service.add_events_to_memory(app_name="app", user_id="alice", events=events, session_id="s"),
            )
            left = service.store.list(scope="/adk/app/alice/sessions")
            assert sorted(record.metadata["id"] for record in left) == [f"{n}-{k}" for k in (0, 1, 2, 4)]

    asyncio.run(run())


def test_ids_that_no_record_can_hold_stay_different(service):
    names = ["a\0", "a\ufffd"]
    add_memory(service, *(MemoryEntry(id=name, content=content("The red boat.")) for name in names))
    assert len(ids(service, "red boat")) == 2
    delete(service, names[0])
    assert ids(service, "red boat") == names[1:]


# The life of a service


def test_memories_outlive_the_service(service, path):
    add_session(service, *BOATS)
    asyncio.run(service.close())
    again = AgentMemMemoryService(path)
    assert ids(again, "red boat") == ["e1"]
    asyncio.run(again.close())
    assert ids(service, "red boat") == ["e1"], "a closed service opens again"


def test_an_open_store_stays_open(path):
    with agentmem.open(path) as store:
        service = AgentMemMemoryService(store)
        asyncio.run(service.close())
        add_session(service, *BOATS)
    with pytest.raises(agentmem.StoreClosedError):
        search(service, "boat")


def test_a_cancelled_write_has_ended_when_the_caller_goes_on(service):
    async def run():
        task = asyncio.create_task(service.add_session_to_memory(session(*BOATS)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return service.store.count()

    assert asyncio.run(run()) == 2


def test_event_loops_share_a_service(service):
    adds = [
        threading.Thread(
            target=add_session, args=(service, event(f"e{n}", f"boat {n}")), kwargs={"id": str(n)}
        )
        for n in range(8)
    ]
    [thread.start() for thread in adds]
    [thread.join() for thread in adds]
    assert service.store.count() == 8


def test_processes_share_a_file(service, path):
    program = (
        "import asyncio, sys\n"
        "from google.adk.events.event import Event\n"
        "from google.genai.types import Content, Part\n"
        "from agentmem.google_adk import AgentMemMemoryService\n"
        "service, name = AgentMemMemoryService(sys.argv[1]), sys.argv[2]\n"
        "for n in range(40):\n"
        "    content = Content(parts=[Part(text=f'boat {n}')])\n"
        "    own = Event(id=f'{name}{n}', author='user', content=content, timestamp=1.0)\n"
        "    shared = Event(id=f'{n}', author='user', content=content, timestamp=1.0)\n"
        "    asyncio.run(service.add_events_to_memory(\n"
        "        app_name='app', user_id='alice', events=[own, shared], session_id='s'))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    assert service.store.count() == 120


# URIs


def test_the_uri_names_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTMEM_PATH", str(tmp_path / "default.db"))
    for uri, name in [
        (f"agentmem://{tmp_path}/a%20b.db", "a b.db"),
        (f"agentmem:///{tmp_path}/c.db", "c.db"),
        ("AGENTMEM://relative.db", "relative.db"),
        ("agentmem://", "default.db"),
    ]:
        service = get_service_registry().create_memory_service(uri, agents_dir="agents")
        assert service.store.path.replace("//", "/") == str(tmp_path / name)
        asyncio.run(service.close())
    with pytest.raises(ValueError, match="agentmem:///path"):
        get_service_registry().create_memory_service("agentmem:memory.db")


def test_the_commands_of_adk_know_the_uri(tmp_path):
    (tmp_path / "services.py").write_text("import agentmem.google_adk\n")
    program = (
        "import sys\n"
        "from google.adk.cli.service_registry import load_services_module\n"
        "from google.adk.cli.utils.service_factory import create_memory_service_from_options\n"
        "load_services_module(sys.argv[1])\n"
        "uri = f'agentmem://{sys.argv[1]}/memory.db'\n"
        "service = create_memory_service_from_options(base_dir=sys.argv[1], memory_service_uri=uri)\n"
        "print(type(service).__name__)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "AgentMemMemoryService\n"


# Agents


class ScriptedModel(BaseLlm):
    """Answers with what it was given, and keeps the requests."""

    model: str = "scripted"
    answers: list
    requests: list

    async def generate_content_async(self, llm_request, stream=False):
        self.requests.append(llm_request.model_dump_json())
        answer = self.answers.pop(0) if self.answers else "Noted."
        part = answer if isinstance(answer, Part) else Part(text=answer)
        yield LlmResponse(content=Content(role="model", parts=[part]))


def ask(runner, text, session_id, user="alice"):
    async def run():
        await runner.session_service.create_session(app_name="app", user_id=user, session_id=session_id)
        message = content(text)
        return [e async for e in runner.run_async(user_id=user, session_id=session_id, new_message=message)]

    return asyncio.run(run())


async def remember(callback_context):
    await callback_context.add_session_to_memory()


def runner_with(service, model, *tools):
    agent = Agent(name="helper", model=model, tools=list(tools), after_agent_callback=remember)
    sessions = InMemorySessionService()
    return Runner(app_name="app", agent=agent, session_service=sessions, memory_service=service)


def test_an_agent_is_told_what_was_said_in_another_session(service):
    model = ScriptedModel(answers=["Noted.", "Elsa.", "No idea."], requests=[])
    runner = runner_with(service, model, preload_memory)
    ask(runner, "My red boat is called Elsa.", "monday")
    ask(runner, "What is my red boat called?", "tuesday")
    assert "user: My red boat is called Elsa." in model.requests[1]
    ask(runner, "What is my red boat called?", "monday", user="bob")
    assert "Elsa" not in model.requests[2]


def test_an_agent_searches_its_memory(service):
    add_session(service, *BOATS)
    call = Part(function_call=FunctionCall(name="load_memory", args={"query": "red boat"}))
    model = ScriptedModel(answers=[call, "Elsa."], requests=[])
    ask(runner_with(service, model, load_memory), "What is my boat called?", "s2")
    assert "The red boat is called Elsa." in model.requests[1]


def names_of_examples(tmp_path):
    model = ScriptedModel(answers=[], requests=[])
    return {"model": model, "agent": Agent(name="a", model=model), "sessions": InMemorySessionService()}


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("google_adk"), ids=lambda test: test.name
)
def test_the_example_of_the_docstring_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documentation.run(example, names_of_examples(tmp_path))


@pytest.mark.parametrize("example", documentation.page_examples("frameworks/google-adk.md"))
def test_the_example_of_the_page_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = names_of_examples(tmp_path)
    exec(example, names)
    ask(names["runner"], "My red boat is called Elsa.", "monday")
    ask(names["runner"], "What is my red boat called?", "tuesday")
    assert "My red boat is called Elsa." in names["model"].requests[1]
