"""Starting workers and readers, killing them, and comparing the store with what they noted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from reliability.ledger import ENTRY, Ledger, contents_of

import agentmem

HERE = Path(__file__).parent
OPTIONS = [{"durability": "full"}, {"durability": "normal"}, {"index": "disk"}, {"pool_size": 2}]


class Crew:
    """Processes on one store. Their logs are beside it."""

    def __init__(self, folder: Path, figures: Counter[str]) -> None:
        self.store, self.logs, self.figures = folder / "memory.db", folder / "logs", figures
        self.logs.mkdir()
        self.ledger = Ledger()
        self.running: list[subprocess.Popen[bytes]] = []
        self.started = 0

    def start(self, script: str, *arguments: Any) -> subprocess.Popen[bytes]:
        """Run a script of this folder."""
        with (self.logs / "stderr").open("ab") as stderr:
            words = [sys.executable, str(HERE / script), str(self.store), *map(str, arguments)]
            process = subprocess.Popen(words, stderr=stderr)
        self.running.append(process)
        return process

    def start_writer(self, threads: int, seconds: float = 0) -> subprocess.Popen[bytes]:
        """A worker with a name of its own; every fourth has the same options."""
        self.started += 1
        name, options = f"w{self.started}", OPTIONS[self.started % len(OPTIONS)]
        return self.start("worker.py", self.logs / f"{name}.log", name, threads, seconds, json.dumps(options))

    def start_reader(self, seconds: float = 0) -> subprocess.Popen[bytes]:
        """A reader."""
        return self.start("reader.py", self.logs / "reader.log", seconds)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL: no chance to tidy up."""
        self.running.remove(process)
        assert process.poll() is None, f"ended by itself: {self.stderr()}"
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.figures["processes killed"] += 1

    def wait(self) -> None:
        """Until all have ended well."""
        for process in self.running:
            assert process.wait(timeout=600) == 0, self.stderr()
        self.running.clear()

    def stderr(self) -> str:
        """What they said last."""
        return (self.logs / "stderr").read_text()[-2000:]

    def check(self) -> None:
        """Every acknowledged write is there, every other happened whole or not at all, and the store is
        sound.
        """
        before = self.ledger.acknowledged
        self.ledger.take_in(self.logs)
        self.figures["writes acknowledged"] += self.ledger.acknowledged - before
        with agentmem.open(self.store) as store:
            found = contents_of(store)
            try:
                self.figures["writes cut off by a kill"] += self.ledger.check(found)
            finally:
                self.figures["writes lost"] += self.ledger.lost
                self.figures["expired records revived"] += self.ledger.revived
                self.figures["numbers reused"] += self.ledger.reused
            report = store.verify()
            assert report, report.problems
            assert store.count() == sum(not place.startswith(ENTRY) for place in found)
