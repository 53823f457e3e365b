"""A process that counts what others count too: `python counter.py STORE LOG TIMES`.

It adds one to a record, to the newest entry of a log and to a key, each under the condition that nobody else
has written since it looked. With TIMES 0 it goes on until it is killed.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import agentmem

sys.path.insert(0, str(Path(__file__).parent))
from ledger import Log


def main(path: str, log: str, times: str) -> None:
    """Note before and after each count."""
    notes = Log(log)
    with agentmem.open(path, durability="normal") as store:
        for number in range(int(times)) if int(times) else itertools.count():
            count = (count_record, count_log, count_key, count_all)[number % 4]
            notes.note(log, "begin", {})
            while True:
                try:
                    count(store)
                    break
                except agentmem.ConflictError:
                    pass
            notes.note(log, "done", [number % 4])


def count_record(store: agentmem.MemoryStore) -> None:
    """One more in the metadata of a record."""
    seen = store.get("counter")
    assert seen is not None
    store.update("counter", metadata={"n": seen.metadata["n"] + 1}, if_version=seen.version)


def count_log(store: agentmem.MemoryStore) -> None:
    """One more at the end of a log."""
    log = store.journal("counter")
    (last,) = log.read(last=1)
    log.append(last.value + 1, if_last=last.number)


def count_key(store: agentmem.MemoryStore) -> None:
    """One more under a key."""
    states = store.journal("counter")
    entry = states.get_many(["n"])["n"]
    states.put("n", entry.value + 1, if_number=entry.number)


def count_all(store: agentmem.MemoryStore) -> None:
    """One more everywhere, or nowhere."""
    seen, journal = store.get("counter"), store.journal("counter")
    (last,), entry = journal.read(last=1), journal.get_many(["n"])["n"]
    assert seen is not None
    with store.batch() as batch:
        batch.update("counter", metadata={"n": seen.metadata["n"] + 1}, if_version=seen.version)
        batch.journal("counter").append(last.value + 1, if_last=last.number)
        batch.journal("counter").put("n", entry.value + 1, if_number=entry.number)


if __name__ == "__main__":
    main(*sys.argv[1:])
