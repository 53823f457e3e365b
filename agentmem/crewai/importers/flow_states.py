"""The states of flows, and the feedback that they wait for: two SQLite tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agentmem import AgentMemError
from agentmem.importers import Run, Source, open_sqlite

from .report import Report

_FLOWS = "SELECT DISTINCT flow_uuid FROM flow_states ORDER BY flow_uuid"
_STATES = "SELECT method_name, state_json FROM flow_states WHERE flow_uuid = ? ORDER BY id"
_PENDING = "SELECT context_json, state_json FROM pending_feedback WHERE flow_uuid = ?"


@dataclass(frozen=True)
class _Flow:
    """A flow: its place, its states, oldest first, and what it waits for."""

    where: str
    id: str
    states: list[tuple[str, str]]
    pending: tuple[str, str] | None


def open_flow_states(path: Path, crew: str, copy: Path) -> Source:
    """Open `flow_states.db`."""
    connection = open_sqlite(path, copy)
    flows = [flow for (flow,) in connection.execute(_FLOWS)]
    waits = bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pending_feedback'").fetchone())

    def rows() -> Iterator[_Flow]:
        with closing(connection):
            for flow in flows:
                states = connection.execute(_STATES, (flow,)).fetchall()
                pending = connection.execute(_PENDING, (flow,)).fetchone() if waits else None
                yield _Flow(f"{path}, flow {flow}", flow, states, pending)

    return Source(len(flows), rows(), str(path), _add)


def _add(run: Run, flows: Iterator[_Flow]) -> None:
    """Add the states of flows of which the store has none, as `AgentMemFlowPersistence` keeps them."""
    for flow in flows:
        try:
            _add_flow(run, flow)
        except (ValueError, TypeError, AgentMemError) as error:
            run.broken(flow.where, error)
        run.advance(1)


def _add_flow(run: Run, flow: _Flow) -> None:
    states = [{"method": method, "state": _value(text)} for method, text in flow.states]
    journal = run.store.journal("flow/" + flow.id)
    if journal.read(last=1):
        run.report.known += 1
        return
    if not run.dry_run:
        with run.store.batch() as batch:
            batch.journal(journal.name).extend(states)
            if flow.pending is not None:
                context, state = map(_value, flow.pending)
                batch.journal(journal.name).put("pending", {"context": context, "state": state})
    cast("Report", run.report).flows += 1


def _value(text: str) -> Any:
    """A JSON object of CrewAI's as our journals keep it."""
    from .._values import encode

    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"the state is {type(value).__name__}, not an object")
    return encode(value)
