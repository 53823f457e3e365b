"""Whole crews, agents and flows of crewai 1.15 on agentmem, offline."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from crewai import Flow
from crewai.flow.flow import start
from crewai.memory.unified_memory import Memory
from scripted import SCRIPT, ScriptedLLM, make_agent, make_crew

import agentmem
from agentmem.crewai import LocalEmbedder, ShortTermStorage, UnifiedStorage, crew_memory, installed


@pytest.fixture
def llm():
    return ScriptedLLM(model="scripted")


def memories(prompt):
    """The memories in a prompt."""
    return prompt.rpartition("Relevant memories:")[2].partition("IMPORTANT:")[0]


def run_apart(*args):
    program = Path(__file__).with_name("scripted.py")
    return subprocess.run(
        [sys.executable, str(program), *args], capture_output=True, text=True, check=True, timeout=100
    ).stdout


@pytest.mark.parametrize("options", [(), ("--install",)])
def test_a_second_process_remembers_what_the_first_one_did(options, path):
    first, second = run_apart(path, *options), run_apart(path, *options)
    assert "ZEBRA" not in first.partition("\n---\n")[0]
    assert "ZEBRA" in memories(second.partition("\n---\n")[0])


def test_memory_without_an_llm_keeps_outputs_whole_and_each_once(path, llm):
    crew = make_crew(llm, **crew_memory(path))
    crew.kickoff()
    store = agentmem.open(path)
    assert sorted(record.content for record in store.list(10, 0)) == sorted(SCRIPT.values())
    crew.kickoff()
    assert store.count() == 2
    assert llm.asked == []


def test_memory_with_an_llm_asks_it(path, llm):
    make_crew(llm, **crew_memory(path, llm=llm)).kickoff()
    assert "ExtractedMemories" in llm.asked
    assert [record.categories for record in agentmem.open(path).list(1, 0)] == [("fact",)]


def test_a_long_task_is_answered_from_memory(path, llm):
    make_crew(llm, **crew_memory(path)).kickoff()
    again = make_crew(llm, **crew_memory(path))
    again.tasks = again.tasks[:1]
    again.tasks[0].description += (
        ". Write for readers with no technical background, avoid jargon, name your sources, mark what is "
        "uncertain as such, and do not exceed two pages. The board meets soon and needs the whole picture."
    )
    again.kickoff()
    assert "ZEBRA" in memories(llm.prompts[-1])


def test_two_crews_in_one_file_never_see_each_other(path, llm):
    make_crew(llm, **crew_memory(path, "a")).kickoff()
    other = ScriptedLLM(model="scripted", script=dict.fromkeys(SCRIPT, "Nothing new"))
    crew = make_crew(other, **crew_memory(path, "ab"))
    # So long that CrewAI plans the recall, and with no memory of its own falls back to all scopes.
    for task in crew.tasks:
        task.description += " " + "as soon as possible " * 20
    crew.kickoff()
    assert "ZEBRA" not in "".join(other.prompts)
    crew.reset_memories("memory")
    store = agentmem.open(path)
    assert store.scopes("/crew") == ["/crew/a"]


def test_installed_crews_are_kept_apart_by_name(path, llm):
    with installed(path):
        make_crew(llm, memory=True, name="a").kickoff()
        other = ScriptedLLM(model="scripted", script=dict.fromkeys(SCRIPT, "Nothing new"))
        crew = make_crew(other, memory=True, name="b")
        crew.kickoff()
    assert "ZEBRA" not in "".join(other.prompts)
    crew.reset_memories("all")
    assert agentmem.open(path).scopes("/crew") == ["/crew/a"]


@pytest.mark.parametrize("command", ["memory", "all", "short", "long", "entity", "external"])
def test_reset_memories(command, path, llm):
    crew = make_crew(llm, **crew_memory(path))
    crew.kickoff()
    assert agentmem.open(path).count() > 0
    crew.reset_memories(command)
    assert agentmem.open(path).count() == 0


def test_copies_and_kickoff_for_each(path, llm):
    crew = make_crew(llm, **crew_memory(path))
    assert crew.copy()._memory._storage is crew._memory._storage
    crew.kickoff_for_each([{"n": 1}, {"n": 2}])
    assert "ZEBRA" in memories(llm.prompts[2])


def test_akickoff_and_kickoff_async(path, llm):
    asyncio.run(make_crew(llm, **crew_memory(path)).akickoff())
    asyncio.run(make_crew(llm, **crew_memory(path)).kickoff_async())
    assert "ZEBRA" in memories(llm.prompts[2])


def test_an_agent_with_its_own_memory(path, llm):
    storage = UnifiedStorage(path)
    memory = Memory(storage=storage, embedder=LocalEmbedder(), llm=llm)
    agent = make_agent(llm, memory=memory)
    agent.kickoff("Current Task: Find the launch date of project Falcon")
    memory.drain_writes()
    assert storage.count() == 1
    agent.kickoff("Current Task: Find the launch date of project Falcon")
    assert "ZEBRA" in memories(llm.prompts[-1])
    copied = agent.copy()
    assert copied.memory._storage is storage


def test_an_installed_agent_remembers_and_so_does_its_copy(path, llm):
    with installed(path) as store:
        agent = make_agent(llm, memory=True)
        copy = agent.copy()
    for each in (agent, copy):
        each.kickoff("Current Task: Find the launch date of project Falcon")
        each.memory.drain_writes()
    assert "ZEBRA" in memories(llm.prompts[-1])
    assert store.count() > 0


def test_an_installed_flow_remembers_with_no_key_and_no_llm(path):
    class Notes(Flow):
        @start()
        def note(self):
            found = [match.record.content for match in self.recall("Which port does the database use?")]
            self.remember("The database uses port 5432")
            self.remember(["The cache uses port 6379", "Lunch is at noon"])
            return found

    class Others(Flow):
        @start()
        def look(self):
            return [match.record.content for match in self.recall("Which port does the database use?")]

    with installed(path) as store:
        assert Notes().kickoff() == []
        assert Notes().kickoff()[0] == "The database uses port 5432"
        assert store.count(scope="/flow/notes") == store.count()
        assert Others().kickoff() == []


def test_a_crew_whose_memory_fails_runs_on_and_the_log_says_why(path, llm, caplog):
    store = agentmem.open(path)
    crew = make_crew(llm, **crew_memory(store))
    store.close()
    with caplog.at_level(logging.ERROR, "agentmem"):
        assert "12 May" in crew.kickoff().raw
    assert "UnifiedStorage.list_scopes failed" in caplog.text
    assert "closed" in caplog.text


def test_a_legacy_storage_says_that_it_will_be_ignored(path):
    with pytest.warns(UserWarning, match=r"crew_memory") as caught:
        ShortTermStorage(path)
    assert caught[0].filename == __file__


def test_four_processes_in_one_file(path):
    program = Path(__file__).with_name("scripted.py")
    runs = [
        subprocess.Popen(
            [sys.executable, str(program), path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    results = [run.communicate(timeout=150) for run in runs]
    assert [run.returncode for run in runs] == [0] * 4
    assert not any("failed" in errors for _, errors in results)
    contents = {record.content for record in agentmem.open(path).list(99, 0)}
    assert contents == set(SCRIPT.values())
