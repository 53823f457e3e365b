"""Eight hosts use one store in PostgreSQL. Hosts are killed, cables are pulled, connections are cut, and the
server restarts, crashes, and is replaced by its standby.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_network import Network, needs_network
from postgres_soak.cluster import Cluster
from postgres_soak.host import SPACES
from reliability.conftest import MINUTES
from reliability.ledger import Ledger, contents_of

import agentmem

HOSTS = 8
SECONDS = 60 * max(MINUTES, 1)
HERE = Path(__file__).parent


class Fleet:
    """The hosts, and what may happen to them and to the servers."""

    def __init__(self, folder: Path, figures: Counter[str]) -> None:
        self.folder, self.figures = folder, figures
        self.logs = folder / "logs"
        for space in SPACES:
            (self.logs / space[1:]).mkdir(parents=True)
        self.cluster = Cluster()
        with agentmem.open(self.cluster.primary.url()) as store:
            store.add("counter", id="counter", scope="/counter", metadata={"n": 0})
            store.journal("counter").append(0)
            store.journal("counter").put("n", 0)
        self.networks = [Network(number) for number in range(HOSTS)]
        self.hosts: dict[int, subprocess.Popen[bytes]] = {}
        self.names: dict[int, str] = {}
        self.started = 0
        for number in range(HOSTS):
            self.start(number)

    def start(self, number: int) -> None:
        """A host with the index files of its predecessor, if there are any."""
        self.started += 1
        network, name = self.networks[number], f"h{number}r{self.started}"
        program = [sys.executable, str(HERE / "host.py"), self.cluster.url(network.server)]
        words = [*network.command(), *program, str(self.logs), name]
        cache = {"XDG_CACHE_HOME": str(self.folder / f"cache{number}")}
        self.names[number] = name
        with (self.folder / "stderr").open("ab") as stderr:
            self.hosts[number] = subprocess.Popen(words, stderr=stderr, env=os.environ | cache)

    def kill(self, number: int) -> None:
        """SIGKILL: no chance to tidy up."""
        host = self.hosts.pop(number)
        assert host.poll() is None, f"ended by itself: {self.failures()}"
        host.send_signal(signal.SIGKILL)
        host.wait()
        self.figures["hosts killed"] += 1

    def kill_two(self) -> None:
        """Two hosts die at once. Sometimes one comes back on an empty machine."""
        both = random.sample(range(HOSTS), 2)
        for number in both:
            self.kill(number)
        if random.random() < 0.2:
            shutil.rmtree(self.folder / f"cache{both[0]}", ignore_errors=True)
        for number in both:
            self.start(number)

    def pull_a_cable(self) -> None:
        """For a moment, or for longer than the host's patience."""
        network = random.choice(self.networks)
        network.pull()
        time.sleep(random.choice([0.3, 2, 12]))
        network.plug_in()
        self.figures["cables pulled"] += 1

    def cut_connections(self) -> None:
        """All connections of all hosts end."""
        self.cluster.primary.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agentmem'"
        )
        self.figures["times that all connections were cut"] += 1

    def restart(self) -> None:
        """The server is stopped, or it crashes, and is back after a moment."""
        self.cluster.primary.stop(random.choice(["fast", "immediate"]))
        time.sleep(random.uniform(0, 3))
        self.cluster.primary.start()
        self.figures["restarts and crashes of the server"] += 1

    def fail_over(self) -> None:
        """The standby takes over."""
        self.cluster.fail_over()
        self.figures["failovers"] += 1

    def wait_for_all(self) -> None:
        """Whatever happened, every host goes on soon."""
        logs = [self.logs / f"{name}.counts" for name in self.names.values()]
        before = {log: log.stat().st_size if log.exists() else 0 for log in logs}
        end = time.monotonic() + 60
        while still := [log.name for log in logs if not log.exists() or log.stat().st_size == before[log]]:
            assert time.monotonic() < end, f"these hosts do nothing: {still}\n{self.failures()}"
            time.sleep(0.2)

    def failures(self) -> str:
        """What the hosts said that went wrong."""
        said = [self.folder / "stderr", self.logs / "failures"]
        return "\n".join(path.read_text()[-3000:] for path in said if path.exists())

    def check(self) -> None:
        """Every acknowledged write is there, every other happened whole or not at all."""
        assert not (self.logs / "failures").exists(), self.failures()
        with agentmem.open(self.cluster.primary.url()) as store:
            for space in SPACES:
                self.check_space(store, space)
            self.check_counters(store)
            report = store.verify()
            assert report, report.problems
            self.figures["records at the end"] = store.count()

    def check_space(self, store: agentmem.MemoryStore, space: str) -> None:
        """What the hosts wrote into one space."""
        ledger = Ledger()
        ledger.take_in(self.logs / space[1:])
        self.figures["writes acknowledged"] += ledger.acknowledged
        try:
            self.figures["writes without an answer"] += ledger.check(contents_of(store, space))
        finally:
            self.figures["acknowledged writes lost"] += ledger.lost
            self.figures["numbers reused"] += ledger.reused

    def check_counters(self, store: agentmem.MemoryStore) -> None:
        """They show what was acknowledged, and at most what else was begun."""
        (last,) = store.journal("counter").read(last=1)
        record = store.get("counter")
        assert record is not None
        shown = [record.metadata["n"], last.value, store.journal("counter").get("n")]
        noted: Counter[tuple[str, int]] = Counter()
        for path in self.logs.glob("*.counts"):
            for line in path.read_bytes().splitlines(True):
                if line.endswith(b"\n"):
                    _, what, (kind,) = json.loads(line)
                    noted[what, kind] += 1
        for kind, count in enumerate(shown):
            done = noted["done", kind] + noted["done", 3]
            unknown = sum(noted["begin", k] - noted["done", k] - noted["nothing", k] for k in (kind, 3))
            self.figures["updates lost"] += max(0, done - count)
            assert done <= count <= done + unknown, f"counter {kind} shows {count}, not {done} + {unknown}"
        self.figures["counts by compare-and-set"] += sum(noted["done", kind] for kind in range(4))
        values = [entry.value for entry in store.journal("counter").read()]
        assert values == [*range(len(values))]

    def remove(self) -> None:
        """Leave nothing behind."""
        for host in self.hosts.values():
            host.kill()
            host.wait()
        for network in self.networks:
            network.remove()
        self.cluster.remove()


@pytest.fixture
def fleet(tmp_path: Path, figures: Counter[str]) -> Iterator[Fleet]:
    """Eight hosts at work."""
    fleet = Fleet(tmp_path, figures)
    yield fleet
    fleet.remove()


@needs_network
def test_nothing_is_lost(fleet: Fleet) -> None:
    """Half-way the standby takes over."""
    events = [fleet.kill_two, fleet.pull_a_cable, fleet.cut_connections, fleet.restart]
    start = time.monotonic()
    failed_over = False
    while (passed := time.monotonic() - start) < SECONDS:
        time.sleep(random.uniform(1, 8))
        (event,) = random.choices(events, [8, 4, 2, 1])
        if passed > SECONDS / 2 and not failed_over:
            event, failed_over = fleet.fail_over, True
        event()
        fleet.wait_for_all()
    for number in [*fleet.hosts]:
        fleet.kill(number)
    fleet.figures["seconds"] = round(time.monotonic() - start)
    fleet.check()
    assert fleet.figures["writes acknowledged"] > SECONDS
