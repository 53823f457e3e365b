"""What the server tells a model about itself. Clients cut it at 2,048 characters."""

from __future__ import annotations

from collections.abc import Collection

_ABOUT = """
This is your memory. It outlives this conversation, and other conversations and programs share it.
"""

_RECALL = """
Before you answer, look whether the memory knows something about the people, projects and decisions at hand:
call {search} with a question or with keywords. Do not ask the user for what it tells you. Do not mention
the memory unless you are asked.
"""

_READ_ONLY = """
It can only be read here.
"""

_WRITE = """
Write down what will still matter in a later conversation: who the user is, preferences, decisions and their
reasons, dates, names, how things are done here. Write when you learn it; do not wait for the end. One fact
is one sentence that is understood on its own, with names instead of "he" or "this". Never store passwords
or keys. Search first, so that you do not write what is there already. If a fact has changed, delete the old
one.
"""

_GRAPH = """
The knowledge graph has entities (a person, a project, a place), observations about them, one fact each, and
relations in the active voice (Alice works_at Acme). Create an entity before you relate it.
"""

_NOTES = """
remember stores a fact that belongs to no entity; recall finds all facts, those of the graph too; forget
deletes by id.
"""

_PAGES = """
A long result says how to read on.
"""


def instructions(tools: Collection[str], read_only: bool) -> str:
    """The instructions for a server that offers "graph", "notes", or both."""
    search = "recall" if "notes" in tools else "search_nodes"
    parts = [_ABOUT, _RECALL.format(search=search)]
    if read_only:
        parts.append(_READ_ONLY)
    else:
        parts.append(_WRITE)
        parts += [text for family, text in (("graph", _GRAPH), ("notes", _NOTES)) if family in tools]
    return "\n\n".join(" ".join(part.split()) for part in [*parts, _PAGES])
