"""`agentmem runs`: list the runs that CrewAI's crews left in a run log, or show one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from agentmem.cli.group import Failure
from agentmem.cli.options import json_option, limit_option, open_store, path_option
from agentmem.cli.output import local_time, print_json, print_rows


@click.command("runs")
@click.argument("run", required=False)
@path_option
@limit_option(20)
@json_option
def command(path: str, run: str | None, limit: int, as_json: bool) -> None:
    """List the newest runs of crews, the newest last, or show all events of RUN.

    RUN is an id, or the beginning of one. `agentmem.crewai.RunLog` keeps runs.

    \b
    agentmem runs
    agentmem runs 3f2a9c1b --json
    """
    if run is None:
        _list(path, limit, as_json)
    else:
        _show(path, run, as_json)


def _list(path: str, limit: int, as_json: bool) -> None:
    from agentmem.crewai.runs import list_runs

    with open_store(path) as store:
        runs = list_runs(store, last=limit)
    if as_json:
        print_json([_json_fields(run._asdict()) for run in runs])
        return
    rows = [
        [
            run.id,
            local_time(run.started),
            run.crew,
            run.status,
            "" if run.tokens is None else str(run.tokens),
            run.error or "",
        ]
        for run in runs
    ]
    print_rows(
        ["run", "started", "crew", "status", "tokens", "error"], rows, "no runs", key="run", text="error"
    )


def _show(path: str, prefix: str, as_json: bool) -> None:
    from agentmem.crewai.runs import list_runs, read_run

    with open_store(path) as store:
        found = list_runs(store, prefix)
        if not found:
            raise Failure(f"there is no run {prefix!r}; `agentmem runs` lists them")
        if len(found) > 1:
            raise Failure(f"{len(found)} runs begin with {prefix!r}; give more of the id")
        events = read_run(store, found[0].id)
    if as_json:
        print_json({**_json_fields(found[0]._asdict()), "events": events})
        return
    headings = ["time", "event", "agent", "content"]
    print_rows(headings, [_row(event) for event in events], "the run has no events", key="event")


def _row(event: dict[str, Any]) -> list[str]:
    """An event, with what belongs to it alone as its content."""
    known = ("event", "at", "sequence", "task_id", "agent")
    others = {name: value for name, value in event.items() if name not in known}
    content = "; ".join(f"{name}: {_text(value)}" for name, value in others.items())
    time = datetime.fromisoformat(event["at"]).astimezone().strftime("%H:%M:%S")
    return [time, event["event"], event.get("agent") or "", content]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json_fields(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()
    }
