"""The list of keys."""

from __future__ import annotations

from agentmem.inspect.keys import KEYS
from agentmem.inspect.page import Page
from agentmem.inspect.screen import Screen
from agentmem.inspect.visit import Visit


def show(visit: Visit) -> Page:
    """List the keys."""
    return Page("keys", "Keys", {"list": [{"key": key, "does": does} for key, does in KEYS]})


SCREENS = [Screen("/keys", show)]
