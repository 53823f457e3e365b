"""Whole crews of crewai 1.9.3 on agentmem, offline."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from crewai.memory.entity.entity_memory import EntityMemory
from crewai.memory.external.external_memory import ExternalMemory
from crewai.memory.long_term.long_term_memory import LongTermMemory
from crewai.memory.short_term.short_term_memory import ShortTermMemory
from scripted import SCRIPT, ScriptedLLM, make_crew

import agentmem
from agentmem.crewai import EntityStorage, ExternalStorage, LongTermStorage, ShortTermStorage, crew_memory

MEMORIES = {
    "short_term_memory": (ShortTermMemory, ShortTermStorage),
    "long_term_memory": (LongTermMemory, LongTermStorage),
    "entity_memory": (EntityMemory, EntityStorage),
    "external_memory": (ExternalMemory, ExternalStorage),
}


def scopes(path):
    store = agentmem.open(path)
    return {scope: store.count(scope=scope) for crew in store.scopes("/crew") for scope in store.scopes(crew)}


def context(prompt):
    """The memories in a prompt."""
    return prompt.rpartition("# Useful context:")[2]


def run_apart(*args):
    program = Path(__file__).with_name("scripted.py")
    return subprocess.run(
        [sys.executable, str(program), *args], capture_output=True, text=True, check=True, timeout=100
    ).stdout


def test_a_second_process_remembers_what_the_first_one_did(path):
    first, second = run_apart(path), run_apart(path)
    assert "Historical Data" not in first.partition("---")[0]
    memories = context(second.partition("---")[0])
    assert "ZEBRA" in memories
    assert "Cite the source" in memories


def test_storages_given_one_by_one_are_all_used(path):
    kinds = {name: memory(storage=storage(path, "research")) for name, (memory, storage) in MEMORIES.items()}
    llm = ScriptedLLM(SCRIPT)
    make_crew(llm, memory=True, **kinds).kickoff()
    assert scopes(path) == {
        "/crew/research/entity": 1,
        "/crew/research/external": 2,
        "/crew/research/long_term": 2,
        "/crew/research/short_term": 2,
    }
    llm = ScriptedLLM(SCRIPT)
    make_crew(llm, memory=True, **kinds).kickoff()
    memories = context(llm.prompts[0])
    for part in ("Historical Data:", "Recent Insights:", "External memories:"):
        assert part in memories


def test_the_second_task_knows_the_first_ones_answer(path):
    llm = ScriptedLLM(SCRIPT)
    make_crew(llm, **crew_memory(path)).kickoff()
    assert "ZEBRA" in context(llm.prompts[1])


def test_two_crews_in_one_file_never_see_each_other(path):
    make_crew(ScriptedLLM(SCRIPT), **crew_memory(path, "a")).kickoff()
    other = ScriptedLLM(dict.fromkeys(SCRIPT, "Nothing new"))
    make_crew(other, **crew_memory(path, "b")).kickoff()
    assert "ZEBRA" not in "".join(other.prompts)
    again = ScriptedLLM(SCRIPT)
    make_crew(again, **crew_memory(path, "a")).kickoff()
    assert "ZEBRA" in context(again.prompts[0])


def test_copies_remember_in_the_same_place(path):
    crew = make_crew(ScriptedLLM(SCRIPT), **crew_memory(path))
    copied = crew.copy()
    for kind in ("short_term", "long_term", "entity", "external"):
        name = f"_{kind}_memory"
        assert getattr(copied, name).storage is getattr(crew, name).storage
    copied.kickoff()
    assert crew._short_term_memory.search("When is Falcon launched?")
    copied.copy().kickoff()
    assert scopes(path)["/crew/crew/long_term"] == 4


def test_kickoff_for_each_remembers_each_and_across_runs(path):
    llm = ScriptedLLM(SCRIPT)
    crew = make_crew(llm, **crew_memory(path))
    crew.kickoff_for_each([{"n": 1}, {"n": 2}])
    assert "Historical Data" in context(llm.prompts[-1])
    assert scopes(path)["/crew/crew/long_term"] == 4


def test_akickoff(path):
    for _ in range(2):
        llm = ScriptedLLM(SCRIPT)
        asyncio.run(make_crew(llm, **crew_memory(path)).akickoff())
    memories = context(llm.prompts[0])
    assert "ZEBRA" in memories
    assert "Historical Data" in memories


@pytest.mark.parametrize(
    ("command", "scope"),
    [("short", "short_term"), ("long", "long_term"), ("entity", "entity"), ("external", "external")],
)
def test_reset_memories_resets_one_kind_of_one_crew(command, scope, path):
    crew = make_crew(ScriptedLLM(SCRIPT), **crew_memory(path, "a"))
    crew.kickoff()
    make_crew(ScriptedLLM(SCRIPT), **crew_memory(path, "b")).kickoff()
    before = scopes(path)
    crew.reset_memories(command)
    assert scopes(path) == {name: n for name, n in before.items() if name != f"/crew/a/{scope}"}


def test_reset_memories_resets_all_kinds_of_one_crew(path):
    crew = make_crew(ScriptedLLM(SCRIPT), **crew_memory(path, "a"))
    crew.kickoff()
    make_crew(ScriptedLLM(SCRIPT), **crew_memory(path, "b")).kickoff()
    crew.reset_memories("all")
    assert set(scopes(path)) == {
        f"/crew/b/{kind}" for kind in ("short_term", "long_term", "entity", "external")
    }


def test_a_crew_whose_memory_fails_runs_on_and_the_log_says_why(path, caplog):
    store = agentmem.open(path)
    crew = make_crew(ScriptedLLM(SCRIPT), **crew_memory(store))
    store.close()
    with caplog.at_level(logging.ERROR, "agentmem"):
        assert "12 May" in crew.kickoff().raw
    for call in (
        "ShortTermStorage.save",
        "LongTermStorage.save",
        "ExternalStorage.save",
        "LongTermStorage.load",
    ):
        assert call in caplog.text


def test_four_processes_in_one_file(path):
    program = Path(__file__).with_name("scripted.py")
    runs = [
        subprocess.Popen(
            [sys.executable, str(program), path, crew],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for crew in ("a", "a", "b", "b")
    ]
    results = [run.communicate(timeout=150) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0, 0]
    assert not any("failed" in errors for _, errors in results)
    counts = scopes(path)
    for crew in ("a", "b"):
        external = counts.pop(f"/crew/{crew}/external")
        assert 2 <= external <= 4  # with the chat in its metadata, which tells what was remembered
    assert counts == {
        f"/crew/{crew}/{kind}": count
        for crew in ("a", "b")
        for kind, count in {"entity": 1, "long_term": 4, "short_term": 2}.items()
    }
