"""The keys of the inspector. `static/inspect.js` gives them their effects."""

from __future__ import annotations

KEYS = [
    ("/", "go to the search field"),
    ("j", "next hit or row"),
    ("k", "previous hit or row"),
    ("Enter", "open the record"),
    ("e", "why it is a hit"),
    ("r", "relevant"),
    ("n", "not relevant"),
    ("x", "select the row"),
    ("Delete", "delete the record; asks first"),
    ("u", "undo"),
    ("Space", "pause Live"),
    ("g s", "Search"),
    ("g b", "Browse"),
    ("g l", "Live"),
    ("g c", "Compare"),
    ("g q", "Quality"),
    ("g h", "Health"),
    ("?", "this list"),
    ("Escape", "leave a field"),
]
