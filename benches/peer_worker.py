"""One store of `comparison.py`, opened in a process of its own that does what it is told.

    python benches/peer_worker.py PEER FOLDER

Each line of standard input is a call of a Worker, {"do": name, "arguments": [...]}; each gets one line, with
the "value" or the "error".
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from peers import PEERS, Peer

SINGLE_SECONDS = 2.0
"""How long single adds are timed."""


class Worker:
    """A store that is open. Methods are calls; what they take and return goes through JSON."""

    store: Peer

    def __init__(self, peer: type[Peer], folder: Path) -> None:
        self.peer = peer
        self.folder = folder

    def open(self) -> str:
        """Open the store; the version of its library."""
        self.store = self.peer(self.folder)
        return self.peer.version()

    def fill(self, texts: list[str]) -> list[Any]:
        """Add in bulk; the keys."""
        return list(self.store.add([{"content": text} for text in texts]))

    def fill_quickly(self, texts: list[str]) -> float:
        """Add in bulk, without the time of a model; how many seconds it took."""
        start = time.perf_counter()
        self.store.add_quickly([{"content": text} for text in texts])
        return time.perf_counter() - start

    def ask(self, queries: list[str]) -> list[list[Any]]:
        """The keys of the best ten for each query."""
        return [[key for key, _ in self.store.search(query, 10)] for query in queries]

    def time(self, queries: list[str]) -> list[tuple[float, float]]:
        """Milliseconds for each query: by the clock, and of the processor."""
        taken = []
        for query in queries:
            start, work = time.perf_counter(), time.process_time()
            self.store.search(query, 10)
            taken.append((1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - work)))
        return taken

    def add(self, text: str) -> None:
        """Add one record, durably."""
        self.store.add_one({"content": text})

    def add_plainly(self, text: str) -> None:
        """Add one record the way the shortest program does."""
        self.store.add_plainly({"content": text})

    def add_all(self, texts: list[str]) -> dict[str, Any]:
        """Add one by one; how many adds returned, and the first error of the others."""
        error, returned = None, []
        for text in texts:
            try:
                self.add(text)
                returned.append(text)
            except Exception as raised:
                error = error or says(raised)
        return {"returned": returned, "error": error}

    def add_for_a_while(self, texts: list[str]) -> float:
        """Durable single adds per second."""
        added, seconds, start = 0, 0.0, time.perf_counter()
        while added < len(texts) and seconds < SINGLE_SECONDS:
            self.add(texts[added])
            added += 1
            seconds = time.perf_counter() - start
        return added / seconds

    def refresh(self) -> None:
        """Look again."""
        self.store.refresh()

    def holds(self, words: list[str]) -> list[bool]:
        """Which of these words are in records that are found."""
        return [self.store.holds(word) for word in words]

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def says(raised: BaseException) -> str:
    """The type of an error and its first line, without the folders of this machine."""
    first = (str(raised).strip().splitlines() or [""])[0]
    first = re.sub(r"/[^\s'\",:]*/", "", first)
    return f"{type(raised).__name__}: {first}"[:160].rstrip(": ")


def main(name: str, folder: str) -> None:
    """Answer calls until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # some peers print
    (peer,) = (peer for peer in PEERS if peer.name == name)
    worker = Worker(peer, Path(folder))
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"value": getattr(worker, call["do"])(*call["arguments"])}
        except Exception as raised:
            answer = {"error": says(raised)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
