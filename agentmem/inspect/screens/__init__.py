"""The screens, one file each. A screen is a function from a visit to a page."""

from __future__ import annotations

from agentmem.inspect.screen import Screen
from agentmem.inspect.screens import keys, search

SCREENS: list[Screen] = [*search.SCREENS, *keys.SCREENS]
