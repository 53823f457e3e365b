"""`agentmem runs` lists and shows what a run log kept, without CrewAI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import agentmem
from agentmem.cli import cli

Run = Callable[..., Result]

STARTED = "2026-05-12T10:00:00+00:00"
ENDED = "2026-05-12T10:00:05+00:00"


@pytest.fixture
def run(path: Path) -> Run:
    """Run a command on a store with two runs; the log of the second was written out of order."""
    with agentmem.open(path) as store:
        runs = store.journal("runs")
        runs.put("b0", {"crew": "late", "started": ENDED, "status": "running"})
        failed = {"status": "failed", "tokens": 12, "error": "no"}
        runs.put("a1", {"crew": "launch", "started": STARTED, "ended": ENDED, **failed})
        end = {"event": "crew_kickoff_failed", "at": ENDED, "sequence": 2, "error": "no\nmodel"}
        store.journal("run/a1").append(end)  # agentmem 0.1 kept events here
        start = {"event": "crew_kickoff_started", "at": STARTED, "sequence": 1, "inputs": {"n": 1}}
        store.journal("runs/a1").append(start)

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["runs", *arguments, "--path", str(path)])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return run


def test_runs_are_listed_the_newest_last(run: Run) -> None:
    first, second = (line.split("\t") for line in run().stdout.splitlines())
    assert (first[0], first[2:]) == ("a1", ["launch", "failed", "12", "no"])
    assert (second[0], second[2:]) == ("b0", ["late", "running", "", ""])
    assert [line.split("\t")[0] for line in run("--limit", "1").stdout.splitlines()] == ["b0"]
    assert [fields["id"] for fields in json.loads(run("--json").stdout)] == ["a1", "b0"]


def test_a_run_is_shown_in_order(run: Run) -> None:
    first, second = (line.split("\t")[1:] for line in run("a1").stdout.splitlines())
    assert first == ["crew_kickoff_started", "", 'inputs: {"n": 1}']
    assert second == ["crew_kickoff_failed", "", "error: no model"]


def test_a_run_as_json(run: Run) -> None:
    shown = json.loads(run("a", "--json").stdout)
    assert (shown["id"], shown["started"], shown["error"]) == ("a1", STARTED, "no")
    assert [event["sequence"] for event in shown["events"]] == [1, 2]


def test_a_run_that_is_not_there(run: Run) -> None:
    assert "there is no run 'zz'" in run("zz", code=1).stderr


def test_a_beginning_that_several_runs_have(run: Run) -> None:
    assert "2 runs begin with ''" in run("", code=1).stderr
