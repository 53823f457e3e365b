"""The run log keeps what crews do, in order, one journal a run; nothing that goes wrong stops a run."""

import asyncio
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from crewai.events import LLMCallCompletedEvent, LLMCallStartedEvent, crewai_event_bus
from crewai.events.types.llm_events import LLMCallType
from crewai.tools import tool
from crews import ScriptedLLM, final, make_crew, use

import agentmem
from agentmem.crewai import RunLog


@tool("search")
def search(query: str) -> str:
    """Search the web."""
    return f"found {query}"


@tool("broken")
def broken(query: str) -> str:
    """Search nothing."""
    raise ValueError("the index is gone")


@pytest.fixture
def log(path):
    log = RunLog(path)
    yield log
    log.close()


def names(log, run):
    return [event["event"] for event in log.read(run.id)]


def of(log, kind, run=None):
    """The events of one kind in the last run."""
    events = log.read((run or log.runs()[-1]).id)
    return [event for event in events if event["event"] == kind]


class FailingLLM(ScriptedLLM):
    def call(self, *args, **kwargs):
        raise ConnectionError("no model here")


class TellingLLM(ScriptedLLM):
    """Tells CrewAI of its calls, as LLMs with a provider do."""

    def call(self, messages, *args, from_task=None, **kwargs):
        fields = {"model": "scripted", "call_id": "1", "from_task": from_task}
        crewai_event_bus.emit(self, LLMCallStartedEvent(messages=messages, **fields))
        answer = super().call(messages)
        fields |= {"response": "12 May", "usage": {"total_tokens": 7}, "call_type": LLMCallType.LLM_CALL}
        crewai_event_bus.emit(self, LLMCallCompletedEvent(**fields))
        return answer


def test_a_run_has_its_tasks_tools_and_outputs_in_order(log):
    llm = ScriptedLLM(use("search", '{"query": "launch"}'), final("12 May"), final("Be there!"))
    make_crew(llm, "Find the date", "Announce it", tools=[search], name="launch").kickoff(inputs={"n": 1})
    log.flush()
    (run,) = log.runs()
    assert (run.crew, run.status, run.error) == ("launch", "completed", None)
    assert run.started < run.ended
    assert isinstance(run.tokens, int)
    order = [
        name for name in names(log, run) if not name.startswith("llm") and not name.startswith("agent_exec")
    ]
    assert order == [
        "crew_kickoff_started",
        "task_started",
        "tool_usage_started",
        "tool_usage_finished",
        "task_completed",
        "task_started",
        "task_completed",
        "crew_kickoff_completed",
    ]
    first, second = of(log, "task_completed")
    assert (first["task"], first["agent"], first["output"]) == ("Find the date", "Researcher", "12 May")
    assert second["output"] == "Be there!"
    (call,) = of(log, "tool_usage_finished")
    assert call["tool_name"] == "search"
    assert call["output"] == "found launch"
    assert call["from_cache"] is False
    assert of(log, "crew_kickoff_started")[0]["inputs"] == {"n": 1}
    assert "Find the date" in of(log, "agent_execution_started")[0]["task_prompt"]


def test_calls_of_the_llm_have_their_usage(log):
    make_crew(TellingLLM(final("12 May"))).kickoff()
    log.flush()
    (call,) = of(log, "llm_call_completed")
    assert (call["model"], call["response"], call["task"]) == ("scripted", "12 May", "Find the launch date")
    if "usage" in LLMCallCompletedEvent.model_fields:  # not in 1.9.3
        assert call["usage"] == {"total_tokens": 7}


def test_a_run_that_fails_says_why(log):
    with pytest.raises(ConnectionError):
        make_crew(FailingLLM(), "Find the date").kickoff()
    log.flush()
    (run,) = log.runs()
    assert run.status == "failed"
    assert run.error == "no model here"
    assert [event["error"] for event in of(log, "task_failed")] == ["no model here"]


def test_a_tool_that_fails_says_why(log):
    llm = ScriptedLLM(use("broken", '{"query": "launch"}'), final("unknown"))
    make_crew(llm, tools=[broken]).kickoff()
    log.flush()
    assert any("the index is gone" in event["error"] for event in of(log, "tool_usage_error"))


def test_kickoff_for_each_makes_a_run_for_each_input(log):
    crew = make_crew(ScriptedLLM(final("done")), "Find the date of {what}")
    crew.kickoff_for_each(inputs=[{"what": "launch"}, {"what": "party"}])
    log.flush()
    tasks = [of(log, "task_started", run)[0]["task"] for run in log.runs()]
    assert tasks == ["Find the date of launch", "Find the date of party"]


def test_an_async_run_is_kept(log):
    asyncio.run(make_crew(ScriptedLLM(final("12 May"))).akickoff())
    log.flush()
    assert [event["output"] for event in of(log, "task_completed")] == ["12 May"]


def test_a_task_in_a_thread_of_its_own_is_kept(log):
    crew = make_crew(ScriptedLLM(final("done")), "Find the date", "Announce it")
    crew.tasks[0].async_execution = True
    crew.kickoff()
    log.flush()
    assert [event["task"] for event in of(log, "task_completed")] == ["Find the date", "Announce it"]


def test_crews_that_run_at_once_are_kept_apart(log):
    crews = [make_crew(ScriptedLLM(final(str(n))), f"Task {n}", name=f"crew {n}") for n in range(4)]
    threads = [threading.Thread(target=crew.kickoff) for crew in crews]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    log.flush()
    runs = {run.crew: run for run in log.runs()}
    for n in range(4):
        run = runs[f"crew {n}"]
        assert run.status == "completed"
        assert [event["output"] for event in of(log, "task_completed", run)] == [str(n)]
        assert {event["task"] for event in log.read(run.id) if "task" in event} == {f"Task {n}"}


def test_events_are_redacted_before_they_are_kept(path):
    def redact(event):
        if event["event"].startswith(("llm", "agent")):
            return None
        return {**event, "output": "***"} if "output" in event else event

    log = RunLog(path, redact=redact, searchable=True)
    make_crew(ScriptedLLM(final("the password is zebra"))).kickoff()
    log.flush()
    assert "zebra" not in str(log.read(log.runs()[0].id))
    assert log.store.search("zebra") == []
    log.close()


def test_a_redaction_that_fails_keeps_nothing(path, caplog):
    log = RunLog(path, redact=lambda event: event["no such field"])
    assert make_crew(ScriptedLLM(final("zebra"))).kickoff().raw == "zebra"
    log.flush()
    assert log.runs() == []
    assert "cannot keep" in caplog.text
    log.close()


def test_outputs_can_be_searched(path):
    log = RunLog(path, searchable=True)
    make_crew(ScriptedLLM(final("The launch is on 12 May")), name="launch").kickoff()
    log.flush()
    (hit,) = log.store.search("launch", scope="/runs/launch")
    assert hit.record.content == "The launch is on 12 May"
    assert hit.record.metadata["run"] == log.runs()[0].id
    log.close()


def test_searches_find_no_events(log):
    make_crew(ScriptedLLM(final("zebra"))).kickoff()
    log.flush()
    assert log.store.search("zebra") == []


def test_values_are_cleaned(log):
    inputs = {"odd": "\ud800\0", "big": 2**80, "nan": float("nan")}
    make_crew(ScriptedLLM(final("done"))).kickoff(inputs=inputs)
    log.flush()
    (started,) = of(log, "crew_kickoff_started")
    assert started["inputs"] == {"odd": "\ufffd\ufffd", "big": str(2**80), "nan": "nan"}


def test_a_store_that_fails_stops_no_run(path, monkeypatch, caplog):
    log = RunLog(path)

    def fail(*_, **__):
        raise agentmem.StoreBusyError("busy")

    monkeypatch.setattr(type(log.store), "batch", fail)
    assert make_crew(ScriptedLLM(final("12 May"))).kickoff().raw == "12 May"
    log.flush()
    assert "cannot be written" in caplog.text
    monkeypatch.undo()
    log.close()


def test_what_a_full_queue_loses_is_logged(log, monkeypatch, caplog):
    monkeypatch.setattr(log._writer, "put", lambda item: False)
    assert make_crew(ScriptedLLM(final("12 May"))).kickoff().raw == "12 May"
    log.flush()
    assert "the run log is full; crew_kickoff_started of run" in caplog.text


def test_a_closed_log_keeps_no_more(path):
    log = RunLog(path)
    log.close()
    make_crew(ScriptedLLM(final("done"))).kickoff()
    assert log.runs() == []
    log.close()


def test_the_log_has_no_thread_of_its_own(log):
    def threads():
        names = [thread.name for thread in threading.enumerate()]
        return {name for name in names if not name.startswith(("CrewAI", "asyncio"))}

    before = threads()
    make_crew(ScriptedLLM(final("done"))).kickoff()
    log.flush()
    assert threads() <= before


def test_the_end_of_a_program_is_kept(path):
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from crews import *\n"
        "from agentmem.crewai import RunLog\n"
        "log = RunLog(sys.argv[1])\n"
        "make_crew(ScriptedLLM(final('12 May'))).kickoff()\n"
    )
    subprocess.run([sys.executable, "-c", program, path, str(Path(__file__).parent)], check=True, timeout=100)
    log = RunLog(path)
    (run,) = log.runs()
    assert run.status == "completed"
    assert names(log, run)[-1] == "crew_kickoff_completed"
    log.close()


def test_runs_expire(path):
    log = RunLog(path, ttl=0.01)
    make_crew(ScriptedLLM(final("done"))).kickoff()
    log.flush()
    time.sleep(0.05)
    assert log.runs() == []
    log.close()


@pytest.mark.parametrize(("options", "days"), [({}, 90), ({"ttl": None}, None)])
def test_runs_are_kept_for_90_days_or_for_ever(path, options, days):
    log = RunLog(path, searchable=True, **options)
    make_crew(ScriptedLLM(final("done"))).kickoff()
    log.flush()
    journals = [log.store.journal(name) for name in log.store.journals()]
    entries = [entry for journal in journals for entry in (*journal.read(), *journal.items())]
    kept = [entry.expires_at and entry.expires_at - entry.written_at for entry in entries]
    assert entries
    assert {span and round(span / timedelta(days=1)) for span in kept} == {days}
    log.close()
