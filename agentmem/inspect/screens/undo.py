"""Undo: takes back what was done, if nobody has changed the records meanwhile."""

from __future__ import annotations

from agentmem.inspect.failures import PageError
from agentmem.inspect.page import Next
from agentmem.inspect.screen import Screen
from agentmem.inspect.visit import Visit


def undo(visit: Visit) -> Next:
    """Take back what has this number."""
    number = visit.form.get("done")
    done = visit.inspector.undo.get(number)
    if done is None:
        raise PageError(410, "Too late", "This was taken back already, or the inspector was started anew.")
    done.undo(visit.store)
    visit.inspector.undo.forget(number)
    return Next(visit.returning("/search"))


SCREENS = [Screen("/undo", undo, writes=True)]
