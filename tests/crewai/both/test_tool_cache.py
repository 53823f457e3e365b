"""A tool's result is used again by later runs, until it expires; nothing that goes wrong stops a run."""

import threading
import time
from datetime import timedelta

import pytest
from crewai.tools import tool
from crews import ScriptedLLM, final, make_crew, use

import agentmem
from agentmem.crewai import AgentMemCacheHandler, cache


@pytest.fixture
def handler(path):
    handler = AgentMemCacheHandler(path)
    yield handler
    handler.close()


def run_with_tool(path, calls, **options):
    """Run a crew that asks the tool once, with the cache in `path`."""

    @tool("search")
    def search(query: str) -> str:
        """Search the web."""
        calls.append(query)
        return f"12 May, result {len(calls)}"

    llm = ScriptedLLM(use("search", '{"query": "launch"}'), final("12 May"))
    crew = make_crew(llm, tools=[search])
    handler = cache(crew, path, **options)
    crew.kickoff()
    handler.close()
    return llm.prompts[-1]


def test_a_second_run_uses_the_result_of_the_first(path):
    calls = []
    run_with_tool(path, calls)
    prompt = run_with_tool(path, calls)
    assert calls == ["launch"]
    assert "12 May, result 1" in prompt


def test_the_tool_runs_again_when_its_result_has_expired(path):
    calls = []
    run_with_tool(path, calls, ttl=0.2)
    time.sleep(0.3)
    prompt = run_with_tool(path, calls, ttl=0.2)
    assert len(calls) == 2
    assert "12 May, result 2" in prompt


def test_only_the_named_tools_are_kept(path):
    calls = []
    run_with_tool(path, calls, tools=["weather"])
    run_with_tool(path, calls, tools=["weather"])
    assert len(calls) == 2


def test_tools_have_their_own_times_to_live(path):
    handler = AgentMemCacheHandler(path, tools={"slow": timedelta(days=1), "quick": 0.05})
    handler.add("slow", "{}", "a")
    handler.add("quick", "{}", "b")
    time.sleep(0.1)
    assert (handler.read("slow", "{}"), handler.read("quick", "{}")) == ("a", None)
    handler.close()


def test_names_do_not_collide(handler):
    handler.add("a-b", "c", "one")
    assert handler.read("a", "b-c") is None


@pytest.mark.parametrize("value", ["text", {"a": [1, (2, 3)]}, b"raw", 0, "", False])
def test_values_come_back_equal(handler, path, value):
    handler.add("t", "{}", value)
    again = AgentMemCacheHandler(path)
    assert again.read("t", "{}") == value
    again.close()


def test_what_would_not_come_back_equal_stays_in_memory(handler, path):
    lock, nan = threading.Lock(), float("nan")
    handler.add("t", "lock", lock)
    handler.add("t", "nan", nan)
    assert handler.read("t", "lock") is lock
    assert handler.read("t", "nan") is nan
    again = AgentMemCacheHandler(path)
    assert again.read("t", "lock") is None
    again.close()


def test_nothing_is_kept_for_none(handler):
    handler.add("t", "{}", None)
    assert handler.read("t", "{}") is None


def test_errors_are_logged_and_never_raised(path, monkeypatch, caplog):
    handler = AgentMemCacheHandler(path)
    handler.add("t", "{}", "kept")

    def fail(*_, **__):
        raise agentmem.StoreBusyError("busy")

    monkeypatch.setattr(type(handler._adapter.store), "journal", fail)
    assert handler.read("t", "{}") is None
    handler.add("t", "{}", "new")
    assert handler.read("t", "{}") == "new", "from memory"
    assert "cannot be read" in caplog.text
    assert "cannot be cached" in caplog.text
    handler.close()


def test_results_are_deleted_by_tool(handler):
    handler.add("a", "1", "x")
    handler.add("a", "2", "x")
    handler.add("b", "1", "y")
    assert handler.clear("a") == 2
    assert handler.read("b", "1") == "y"
    assert handler.clear() == 1


@pytest.mark.parametrize(
    "options", [{"ttl": 0}, {"ttl": timedelta(0)}, {"ttl": float("inf")}, {"tools": {"a": -1}}]
)
def test_a_time_to_live_is_more_than_0(path, options):
    with pytest.raises(ValueError, match="more than 0"):
        AgentMemCacheHandler(path, **options)


def test_searches_do_not_find_results(path):
    with agentmem.open(path) as store:
        AgentMemCacheHandler(store).add("t", "zebra", "zebra")
        assert store.search("zebra") == []
