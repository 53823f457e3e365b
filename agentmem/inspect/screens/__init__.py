"""The screens, one file each. A screen is a function from a visit to a page."""

from __future__ import annotations

from agentmem.inspect.screen import Screen
from agentmem.inspect.screens import (
    browse,
    bulk,
    compare,
    delete,
    edit,
    health,
    keys,
    label,
    live,
    quality,
    record,
    search,
    undo,
)

SCREENS: list[Screen] = [
    *search.SCREENS,
    *label.SCREENS,
    *record.SCREENS,
    *edit.SCREENS,
    *delete.SCREENS,
    *undo.SCREENS,
    *browse.SCREENS,
    *bulk.SCREENS,
    *live.SCREENS,
    *compare.SCREENS,
    *quality.SCREENS,
    *health.SCREENS,
    *keys.SCREENS,
]
