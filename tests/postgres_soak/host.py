"""A host: `python host.py URL LOGS NAME`. Some threads write, one counts, one reads, until it is killed.

What it writes it notes in LOGS, a folder outside of the store, with a folder for each space. When a write
fails, it may have happened or not: the writer begins anew with other records, as if it had been killed.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import agentmem

sys.path.insert(0, str(Path(__file__).parent.parent / "reliability"))
import counter
from ledger import Log
from reader import look
from worker import Thread

SPACES = ["/s0", "/s1", "/s2", "/s3"]
COUNTS = [counter.count_record, counter.count_log, counter.count_key, counter.count_all]
WRITERS = 4
"""So many that some adds share a statement."""
PAUSE = 0.02
"""Seconds between two pieces of work."""


class Host:
    """The store, and what the threads do with it."""

    def __init__(self, url: str, logs: Path, name: str) -> None:
        self.url, self.logs, self.name = url, logs, name
        self.store = self.until_it_works(lambda: agentmem.open(url, busy_timeout=5))

    def until_it_works(self, work: Callable[[], agentmem.MemoryStore]) -> agentmem.MemoryStore:
        """Wait for the server."""
        while True:
            try:
                return work()
            except (agentmem.StorePathError, agentmem.StoreBusyError):
                time.sleep(0.1)

    def write(self, name: str) -> None:
        """One writer after the other, each in one space."""
        for number in itertools.count():
            space = random.choice(SPACES)
            log = Log(self.logs / space[1:] / f"{name}.log")
            writer = Thread(self.store, log, f"{name}.{number}", space)
            try:
                while True:
                    writer.work()
                    time.sleep(PAUSE)
            except agentmem.StoreBusyError:
                log.note(writer.name, "nothing", {})
            except agentmem.StorePathError:
                time.sleep(0.1)

    def count(self) -> None:
        """Add one to the counters of all hosts."""
        log = Log(self.logs / f"{self.name}.counts")
        for number in itertools.count():
            kind = number % 4
            log.note(self.name, "begin", [kind])
            try:
                COUNTS[kind](self.store)
                log.note(self.name, "done", [kind])
            except (agentmem.ConflictError, agentmem.StoreBusyError):
                log.note(self.name, "nothing", [kind])
            except agentmem.StorePathError:
                time.sleep(0.1)
            time.sleep(PAUSE)

    def read(self) -> None:
        """Batches are whole, and the counter never goes back."""
        highest = 0
        while True:
            try:
                look(self.store, random.choice(SPACES))
                record = self.store.get("counter")
            except (agentmem.StorePathError, agentmem.StoreBusyError):
                time.sleep(0.1)
                continue
            assert record is not None
            assert record.metadata["n"] >= highest, f"the counter went from {highest} to {record.metadata}"
            highest = record.metadata["n"]
            time.sleep(PAUSE)

    def run(self, work: Callable[[], None]) -> None:
        """Work until killed. What goes wrong is noted, and ends the host."""
        try:
            work()
        except BaseException as error:
            Log(self.logs / "failures").note(self.name, "failed", f"{work}: {error!r}")
            os._exit(1)


def main(url: str, logs: str, name: str) -> None:
    """Work in several threads."""
    host = Host(url, Path(logs), name)
    writers = [partial(host.write, f"{name}w{number}") for number in range(WRITERS)]
    for work in (*writers, host.count, host.read):
        threading.Thread(target=host.run, args=(work,)).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
