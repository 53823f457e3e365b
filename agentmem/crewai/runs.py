"""Runs of crews as `RunLog` kept them. Reading them needs no CrewAI.

The journal `runs` maps a run's id to its summary, `runs/<id>` has its events, and the scope `/runs` what can
be searched: in PostgreSQL they are in one space, because they begin with the same part.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from agentmem import MemoryStore

RUNS = "runs"
_OLD_PREFIX = "run/"  # where agentmem 0.1 kept the events

Event = dict[str, Any]


class Run(NamedTuple):
    """A run of a crew, from its kickoff to its end."""

    id: str
    crew: str
    status: str
    """"running", "completed" or "failed". A run whose process was killed stays "running"."""
    started: datetime
    ended: datetime | None
    tokens: int | None
    """How many tokens all its LLM calls took, as CrewAI counted them."""
    error: str | None


def events_of(run: str) -> str:
    """The name of the journal with the events of a run."""
    return f"{RUNS}/{run}"


def list_runs(store: MemoryStore, prefix: str = "", last: int | None = None) -> list[Run]:
    """Return the runs whose ids begin with `prefix`, oldest first, at most the `last` ones."""
    runs = [_run(entry.key or "", entry.value) for entry in store.journal(RUNS).items(prefix)]
    runs.sort(key=lambda run: run.started)
    return runs if last is None else runs[max(0, len(runs) - last) :]


def read_run(store: MemoryStore, run: str) -> list[Event]:
    """Return the events of a run in the order in which they happened.

    Each is a dict with `event` (CrewAI's name for it), `at` (ISO 8601), `sequence`, `task`, `task_id` and
    `agent` where there is one, and what belongs to the event, such as `output`, `error` or `tool_args`.
    """
    journals = (store.journal(name) for name in (_OLD_PREFIX + run, events_of(run)))
    events: list[Event] = [entry.value for journal in journals for entry in journal.read()]
    return sorted(events, key=lambda event: (event["at"], event["sequence"]))


def _run(run_id: str, summary: dict[str, Any]) -> Run:
    started, ended = summary["started"], summary.get("ended")
    return Run(
        id=run_id,
        crew=summary["crew"],
        status=summary["status"],
        started=datetime.fromisoformat(started),
        ended=None if ended is None else datetime.fromisoformat(ended),
        tokens=summary.get("tokens"),
        error=summary.get("error"),
    )
