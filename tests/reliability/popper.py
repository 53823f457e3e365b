"""A process that takes entries from a journal which others empty too: `python popper.py STORE LOG`."""

from __future__ import annotations

import sys
from pathlib import Path

import agentmem

sys.path.insert(0, str(Path(__file__).parent))
from ledger import Log


def main(path: str, log: str) -> None:
    """Note each value that was popped, until there are no more."""
    notes = Log(log)
    with agentmem.open(path) as store:
        queue = store.journal("queue")
        while (entry := queue.pop()) is not None:
            notes.note(log, str(entry.value), [entry.number])


if __name__ == "__main__":
    main(*sys.argv[1:])
