"""What crews do: kickoffs, tasks, agents, tool calls, outputs, tokens and errors, one journal a run.

>>> from agentmem.crewai import RunLog
>>> log = RunLog("crew.db")
>>> output = crew.kickoff()
>>> log.flush()
>>> run = log.runs()[-1]
>>> [event["event"] for event in log.read(run.id)][0]
'crew_kickoff_started'
>>> log.close()
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, NamedTuple

from crewai import events
from crewai.events import BaseEventListener, crewai_event_bus

from agentmem import MemoryStore
from agentmem._adapters import Adapter, StoreOrPath, key_id, scope_part, to_json

from ._storage import KEPT, log
from ._writer import GroupWriter
from .runs import RUNS, Event, Run, events_of, list_runs, read_run

# CrewAI's classes of events, and what is kept of each besides its task and agent.
_EVENTS: dict[str, tuple[str, ...]] = {
    "CrewKickoffStartedEvent": ("crew_name", "inputs"),
    "CrewKickoffCompletedEvent": ("output", "total_tokens"),
    "CrewKickoffFailedEvent": ("error",),
    "TaskStartedEvent": ("context",),
    "TaskCompletedEvent": ("output",),
    "TaskFailedEvent": ("error",),
    "AgentExecutionStartedEvent": ("task_prompt",),
    "AgentExecutionCompletedEvent": ("output",),
    "AgentExecutionErrorEvent": ("error",),
    "LiteAgentExecutionStartedEvent": ("messages",),
    "LiteAgentExecutionCompletedEvent": ("output",),
    "LiteAgentExecutionErrorEvent": ("error",),
    "ToolUsageStartedEvent": ("tool_name", "tool_args"),
    "ToolUsageFinishedEvent": ("tool_name", "tool_args", "output", "from_cache"),
    "ToolUsageErrorEvent": ("tool_name", "tool_args", "error"),
    "ToolSelectionErrorEvent": ("tool_name", "tool_args", "error"),
    "ToolValidateInputErrorEvent": ("tool_name", "tool_args", "error"),
    "LLMCallCompletedEvent": ("model", "response", "usage"),
    "LLMCallFailedEvent": ("model", "error"),
}
_START = "crew_kickoff_started"
_ENDS = {"crew_kickoff_completed": "completed", "crew_kickoff_failed": "failed"}

Redact = Callable[[Event], Event | None]


class _Started(NamedTuple):
    """A run that has not ended."""

    run: str
    crew: str
    at: datetime


class _Kept(NamedTuple):
    """An event on its way to the store."""

    started: _Started
    event: Event | None  # None if it is not to be kept
    summary: dict[str, Any] | None  # at the start and at the end of a run


class RunLog(BaseEventListener):
    """Keeps the events of every crew from here on. It never disturbs a run: errors are logged.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. `redact` gets
    each event, a dict as `read` returns it, and returns what is to be kept of it, or None. With `searchable`,
    the outputs of tasks also become records in the scope `/runs/<crew>`. `ttl` is how long all that is
    kept, by default 90 days; None means for ever.
    Up to `capacity` events can wait to be written; when a store blocks for longer than 5 s, more are lost.
    A replay is a run of its own, but for 1.9.3, which does not announce replays.
    """

    PATIENCE = 5.0

    def __init__(
        self,
        store: StoreOrPath = None,
        *,
        redact: Redact | None = None,
        searchable: bool = False,
        ttl: float | timedelta | None = KEPT,
        capacity: int = 10_000,
    ) -> None:
        """Open the store and listen. Raises ValueError for a capacity below 1."""
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; it must be at least 1")
        self._adapter = Adapter(store)
        self._redact = redact
        self._searchable = searchable
        self._ttl = ttl
        self._started: dict[str, _Started] = {}  # by the id of the event that started it
        # What 1.9.3 does not say: which run ends, and which one a task in a thread of its own belongs to.
        self._running: dict[int, str] = {}  # by the crew's address
        self._run_of_task: dict[str, str] = {}  # by the task's id
        self._writer = GroupWriter[_Kept](self._write, capacity, self.PATIENCE)
        super().__init__()

    @property
    def store(self) -> MemoryStore:
        """The store of the runs."""
        return self._adapter.store

    def setup_listeners(self, crewai_event_bus: Any) -> None:
        """Listen to the events. CrewAI calls it."""
        for kind in _kinds():
            crewai_event_bus.register_handler(kind, self._handle)

    def runs(self, last: int | None = None) -> list[Run]:
        """Return the runs, oldest first, at most the `last` ones."""
        return list_runs(self.store, last=last)

    def read(self, run: str) -> list[Event]:
        """Return the events of the run with this id, in order, as `agentmem runs` shows them."""
        return read_run(self.store, run)

    def flush(self) -> None:
        """Wait until all that has happened is written."""
        crewai_event_bus.flush()

    def close(self) -> None:
        """Write what waits, stop listening, and close the store if this object opened it."""
        self.flush()
        for kind in _kinds():
            _remove_handler(kind, self._handle)
        self._adapter.close()

    def _handle(self, source: Any, event: Any) -> None:
        """Keep an event. It runs in one of CrewAI's threads."""
        try:
            started = self._run_of(source, event)
            if started is None:
                return  # outside any run
            entry = self._redacted(_entry(event))
            if not self._writer.put(_Kept(started, entry, _summary(started, event, entry))):
                log.error("the run log is full; %s of run %s is lost", event.type, started.run)
        except Exception as error:
            log.exception("the run log cannot keep %s: %s", type(event).__name__, error)

    def _run_of(self, source: Any, event: Any) -> _Started | None:
        """The run that an event belongs to: the innermost kickoff around it."""
        if event.type == _START:
            started = _Started(event.event_id, event.crew_name or "crew", event.timestamp)
            self._started[started.run] = started
            self._running[id(source)] = started.run
            self._run_of_task.update((str(task.id), started.run) for task in source.tasks)
            return started
        if event.type in _ENDS:
            for task in source.tasks:
                self._run_of_task.pop(str(task.id), None)
            return self._started.pop(self._running.pop(id(source), ""), None)
        scopes = import_module("crewai.events.event_context")._event_id_stack.get()
        inside = [self._started[scope] for scope, _ in scopes if scope in self._started]
        return inside[-1] if inside else self._started.get(self._run_of_task.get(_task_id(event) or "", ""))

    def _redacted(self, entry: Event) -> Event | None:
        if self._redact is None:
            return entry
        kept = self._redact(entry)
        order = {"event": entry["event"], "at": entry["at"], "sequence": entry["sequence"]}
        return None if kept is None else {**_json(kept), **order}

    def _write(self, group: list[_Kept]) -> None:
        try:
            with self.store.batch() as batch:
                for started, event, summary in group:
                    if event is not None:
                        batch.journal(events_of(started.run)).append(event, ttl=self._ttl)
                        if self._searchable and event["event"] == "task_completed":
                            self._add_record(batch, started, event)
                    if summary is not None:
                        batch.journal(RUNS).put(started.run, summary, ttl=self._ttl)
        except Exception as error:
            log.exception("%d events of runs cannot be written: %s", len(group), error)

    def _add_record(self, batch: Any, started: _Started, event: Event) -> None:
        output = event.get("output")
        if not (isinstance(output, str) and output.strip()):
            return
        batch.put(
            output,
            id=key_id("run", started.run, str(event["sequence"]), event["at"]),
            scope=f"/runs/{scope_part(started.crew)}",
            metadata={"run": started.run, "task": event.get("task"), "agent": event.get("agent")},
            ttl=self._ttl,
        )


def _remove_handler(kind: type, handler: Callable[[Any, Any], None]) -> None:
    if hasattr(crewai_event_bus, "off"):
        crewai_event_bus.off(kind, handler)
        return
    with crewai_event_bus._rwlock.w_locked():  # 1.9.3 has no method for it
        handlers = crewai_event_bus._sync_handlers
        handlers[kind] = handlers.get(kind, frozenset()) - {handler}


def _kinds() -> list[type]:
    return [getattr(events, name) for name in _EVENTS if hasattr(events, name)]


def _entry(event: Any) -> Event:
    """What is kept of an event."""
    task = getattr(event, "task", None)
    agent = getattr(event, "agent", None) or getattr(task, "agent", None)
    info = getattr(event, "agent_info", None) or {}
    of_task = {
        "task": _name(task) or event.task_name,
        "task_id": _task_id(event),
        "agent": getattr(agent, "role", None) or event.agent_role or info.get("role"),
    }
    fields = {name: getattr(event, name, None) for name in _EVENTS[type(event).__name__]}
    if "output" in fields:  # of a task's output, its text
        fields["output"] = getattr(fields["output"], "raw", fields["output"])
    return {
        "event": event.type,
        "at": event.timestamp.isoformat(),
        "sequence": event.emission_sequence or 0,
        **_json({name: value for name, value in {**of_task, **fields}.items() if value is not None}),
    }


def _task_id(event: Any) -> str | None:
    task = getattr(event, "task", None)
    return event.task_id if task is None else str(task.id)


def _name(task: Any) -> str | None:
    return None if task is None else task.name or task.description


def _json(fields: Event) -> Event:
    """The fields as JSON values. What cannot even be turned into text is named by its type."""
    kept: Event = {}
    for name, value in fields.items():
        try:
            kept[str(name)] = to_json(value)
        except Exception:
            kept[str(name)] = f"<{type(value).__name__}>"
    return kept


def _summary(started: _Started, event: Any, entry: Event | None) -> dict[str, Any] | None:
    """What the list of runs says of a run, if an event changes that."""
    summary = {"crew": to_json(started.crew), "started": started.at.isoformat(), "status": "running"}
    if event.type == _START:
        return summary
    if event.type not in _ENDS:
        return None
    end = {"status": _ENDS[event.type], "ended": event.timestamp.isoformat()}
    kept = entry or {}
    return {**summary, **end, "tokens": kept.get("total_tokens"), "error": kept.get("error")}
