"""With `install`, each run of each crew can be replayed, also in another process."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from crews import ScriptedLLM, final, make_crew

import agentmem
from agentmem.crewai import installed
from agentmem.crewai.task_outputs import delete_task_outputs

TASKS = ("Find the date of {what}", "Announce {what}")


@pytest.fixture
def store(path):
    with installed(path) as store:
        yield store


def crew(*answers, tasks=TASKS):
    return make_crew(ScriptedLLM(*map(final, answers)), *tasks)


def last_id(made):
    return str(made.tasks[-1].id)


def test_a_second_crew_leaves_the_first_ones_run(store):
    first = crew("12 May", "Launch on 12 May!", "Replayed!")
    first.kickoff(inputs={"what": "launch"})
    crew("3 June", "Party on 3 June!").kickoff(inputs={"what": "party"})
    assert first.replay(last_id(first)).raw == "Replayed!"
    assert "12 May" in first.agents[0].llm.prompts[-1]


def test_a_run_of_an_earlier_crew_is_replayed_with_its_inputs(store):
    first = crew("12 May", "Launch on 12 May!")
    first.kickoff(inputs={"what": "launch"})
    later = crew("Replayed!")
    assert later.replay(last_id(first)).raw == "Replayed!"
    assert "Announce launch" in later.agents[0].llm.prompts[-1]
    assert "12 May" in later.agents[0].llm.prompts[-1]


def test_a_run_is_replayed_again_and_so_is_its_replay(store):
    first, second, third = crew("12 May", "One"), crew("Two"), crew("Three")
    first.kickoff(inputs={"what": "launch"})
    assert second.replay(last_id(first)).raw == "Two"
    assert third.replay(last_id(first)).raw == "Three"
    assert crew("Four").replay(last_id(second)).raw == "Four"


def test_each_run_of_kickoff_for_each_is_replayed(store):
    made = crew("12 May", "Launch!", "3 June", "Party!")
    made.kickoff_for_each(inputs=[{"what": "launch"}, {"what": "party"}])
    runs = [store.journal(name) for name in store.journals("task-outputs/")]
    rows = [entry.value for run in runs for entry in run.items()]
    assert {row["output"]["raw"] for row in rows} == {"12 May", "Launch!", "3 June", "Party!"}
    task_id = next(row["task_id"] for row in rows if row["output"]["raw"] == "Party!")
    later = crew("Replayed!")
    later.replay(task_id)
    assert "3 June" in later.agents[0].llm.prompts[-1]


def test_a_run_of_another_process_is_replayed(path):
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from crews import *\n"
        "from agentmem.crewai import install\n"
        "install(sys.argv[1])\n"
        f"crew = make_crew(ScriptedLLM(final('12 May'), final('Launch!')), *{TASKS!r})\n"
        "crew.kickoff(inputs={'what': 'launch'})\n"
        "print('task', crew.tasks[-1].id)\n"
    )
    command = [sys.executable, "-c", program, path, str(Path(__file__).parent)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout
    task_id = output.rpartition("task ")[2].strip()
    with installed(path):
        later = crew("Replayed!")
        assert later.replay(task_id).raw == "Replayed!"
    assert "12 May" in later.agents[0].llm.prompts[-1]


def test_a_crew_that_has_not_run_shows_the_last_run_of_all(store):
    crew("12 May", "Launch!").kickoff(inputs={"what": "launch"})
    crew("3 June", "Party!").kickoff(inputs={"what": "party"})
    rows = crew("x")._task_output_handler.load()
    assert [row["output"]["raw"] for row in rows] == ["3 June", "Party!"]


def test_an_unknown_task_is_refused(store):
    with pytest.raises(ValueError, match="not found"):
        crew("x").replay("00000000-0000-0000-0000-000000000000")


def test_a_store_that_fails_does_not_end_the_run(store, monkeypatch, caplog):
    def fail(*_, **__):
        raise agentmem.StoreBusyError("busy")

    made = crew("12 May", "Launch!")
    monkeypatch.setattr(type(store), "batch", fail)
    assert made.kickoff(inputs={"what": "launch"}).raw == "Launch!"
    assert "cannot be kept" in caplog.text


def test_outputs_are_kept_for_90_days(store):
    crew("12 May", "Launch!").kickoff(inputs={"what": "launch"})
    journals = [store.journal(name) for name in store.journals("task-output")]
    entries = [entry for journal in journals for entry in (*journal.items(), *journal.read())]
    kept = {round((entry.expires_at - entry.written_at) / timedelta(days=1)) for entry in entries}
    assert len(entries) == 5
    assert kept == {90}


def test_a_reset_deletes_all_outputs(store):
    made = crew("12 May", "Launch!")
    made.kickoff(inputs={"what": "launch"})
    assert len(store.journals("task-output")) == 2
    made.reset_memories("kickoff_outputs")
    assert store.journals("task-output") == []


def test_a_run_that_an_older_agentmem_kept_is_replayed(store):
    made = crew("12 May", "Launch on 12 May!")
    made.kickoff(inputs={"what": "launch"})
    (name,) = store.journals("task-outputs/")
    for entry in store.journal(name).items():
        store.journal(name.replace("outputs", "output")).put(entry.key, entry.value)
    store.journal(name).clear()
    later = crew("Replayed!")
    assert later.replay(last_id(made)).raw == "Replayed!"
    assert "12 May" in later.agents[0].llm.prompts[-1]
    later.reset_memories("kickoff_outputs")
    assert store.journals("task-output") == []


def test_searches_find_no_outputs(store):
    crew("zebra", "zebra").kickoff(inputs={"what": "launch"})
    assert store.search("zebra") == []


def test_after_uninstalling_crewais_own_storage_is_back(path):
    with installed(path) as store:
        pass
    crew("12 May", "Launch!").kickoff(inputs={"what": "launch"})
    assert store.journals() == []
    delete_task_outputs(store)
