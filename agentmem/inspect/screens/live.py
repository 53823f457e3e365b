"""Live: what is written and deleted now, by any process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from agentmem import AgentMemError
from agentmem.inspect.calls import call
from agentmem.inspect.failures import failure_of
from agentmem.inspect.follower import Follower, Line
from agentmem.inspect.page import Page, Stream
from agentmem.inspect.screen import Screen
from agentmem.inspect.visit import Visit

_PAUSE = 0.25
_SILENCE = 15.0


def show(visit: Visit) -> Page:
    """List the last writes. The page goes on by itself: with JavaScript at once, else every five seconds."""
    data: dict[str, Any] = {
        "scope": visit.query.get("scope").strip(),
        "cursor": None,
        "records": [],
        "scopes": visit.store.scopes(recursive=True, limit=100, **visit.viewer),
        "failure": None,
        "call": None,
    }
    try:
        data |= _last(visit, data["scope"])
    except AgentMemError as error:
        data["failure"] = failure_of(error).fields()
    return Page("live", "Live", data, data["failure"]["status"] if data["failure"] else 200)


def _last(visit: Visit, scope: str) -> dict[str, Any]:
    follower = Follower(visit.store, visit.viewer, scope)
    within = {"scope": scope} if scope else {}
    again = call(visit.store.path, "changes", follower.cursor, **within, viewer=visit.viewer)
    return {"cursor": follower.cursor, "records": follower.recent, "call": again}


def stream(visit: Visit) -> Stream:
    """Send a line for each change, as server-sent events. Each has the cursor with which it goes on."""
    cursor = visit.last_event or visit.query.get("after") or None
    follower = Follower(visit.store, visit.viewer, visit.query.get("scope").strip(), cursor)
    lines = follower.poll()  # a bad cursor ends the request here
    return Stream("live_lines", _events(follower, lines, visit.inspector.stopping))


def _events(
    follower: Follower, lines: list[Line], stopping: threading.Event
) -> Iterator[tuple[str, dict[str, object]] | None]:
    """The cursor and the data of each event; None now and then, so that both ends see that they are there."""
    last = time.monotonic()
    while not stopping.wait(_PAUSE):
        if lines:
            yield follower.cursor, {"lines": lines}
            last = time.monotonic()
        elif time.monotonic() - last > _SILENCE:
            yield None
            last = time.monotonic()
        try:
            lines = follower.poll()
        except AgentMemError:  # the browser connects again, and is told
            return


SCREENS = [Screen("/live", show), Screen("/live/stream", stream)]
