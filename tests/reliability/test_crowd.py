"""Many processes and threads at once: every write takes effect, nobody starves, nobody sees a lock."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reliability.conftest import MINUTES
from reliability.crew import Crew

import agentmem

PROCESSES, THREADS, READERS = 8, 4, 2
SECONDS = max(20.0, MINUTES * 60 * 0.15)


def test_mixed_work_of_many_processes(tmp_path: Path, figures: Counter[str]) -> None:
    """Whatever an exception, "database is locked" among others, would have said is in the log, and fails
    the test.
    """
    crew = Crew(tmp_path, figures)
    for _ in range(PROCESSES):
        crew.start_writer(THREADS, SECONDS)
    for _ in range(READERS):
        crew.start_reader(SECONDS)
    crew.wait()
    crew.check()
    progress = crew.ledger.by_worker
    assert len(progress) == PROCESSES * THREADS
    assert min(progress.values()) > statistics.mean(progress.values()) / 50, f"somebody starved: {progress}"


def test_updates_of_the_same_records(tmp_path: Path, figures: Counter[str]) -> None:
    """Of all who update a record one was last; it was the last thing that one did to it."""
    crew = Crew(tmp_path, figures)
    with agentmem.open(crew.store) as store:
        store.add_many([{"id": f"shared{number}", "content": "shared by all"} for number in range(3)])
    for number in range(4):
        crew.start("rival.py", crew.logs / f"rival{number}.json", f"rival{number}", 2, 150)
    crew.wait()
    last: dict[str, dict[str, int]] = {}
    for log in crew.logs.glob("rival*.json"):
        for id, by_worker in json.loads(log.read_text()).items():
            last.setdefault(id, {}).update(by_worker)
    with agentmem.open(crew.store) as store:
        assert store.count() == 3
        for record in store.list():
            by, number = record.metadata["by"], record.metadata["number"]
            assert last[record.id][by] == number, f"{record.id} shows {by} at {number}, who went on to {last}"
            (hit,) = store.search(f"{by}at{number}", mode="bm25")
            assert hit.record == record
        assert store.verify()
    figures["writes acknowledged"] += 4 * 2 * 150


def noted(crew: Crew, kind: str) -> list[list[object]]:
    """All whole lines of the logs of one kind of process."""
    lines = [line for log in crew.logs.glob(f"{kind}*.log") for line in log.read_bytes().splitlines(True)]
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize("kills", [0, 4])
def test_no_entry_is_popped_twice(tmp_path: Path, figures: Counter[str], kills: int) -> None:
    """By eight processes, some of which are killed: then an entry may be gone that nobody noted, but none is
    taken by two.
    """
    entries = 2000
    crew = Crew(tmp_path, figures)
    with agentmem.open(crew.store) as store:
        store.journal("queue").extend(range(entries))
    poppers = [crew.start("popper.py", crew.logs / f"popper{n}.log") for n in range(8)]
    for popper in poppers[:kills]:
        while not noted(crew, "popper"):
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.05))
        crew.kill(popper)
    crew.wait()
    popped = [int(str(value)) for _, value, _ in noted(crew, "popper")]
    assert len(popped) == len(set(popped)), "an entry was popped twice"
    assert entries - kills <= len(popped) <= entries
    with agentmem.open(crew.store) as store:
        assert store.journal("queue").read() == []
        assert store.verify()
    figures["entries popped"] += len(popped)


def test_no_count_is_lost(
    tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """Eight processes count by compare-and-set, some are killed: the counters show what was acknowledged, and
    at most one more for each kill.
    """
    crew = Crew(tmp_path, figures)
    with agentmem.open(crew.store) as store:
        store.add("counter", id="counter", metadata={"n": 0})
        store.journal("counter").append(0)
        store.journal("counter").put("n", 0)
    started = kills = 0
    for _ in rounds(2, share=0.05):
        for times in (0, 0, 0, 0, 40, 40, 40, 40):
            crew.start("counter.py", crew.logs / f"counter{started}.log", times)
            started += 1
        time.sleep(random.uniform(0.5, 1.5))
        for process in crew.running[-8:-4]:
            crew.kill(process)
            kills += 1
        crew.wait()
        done = Counter(numbers[0] for _, what, numbers in noted(crew, "counter") if what == "done")  # type: ignore[index]
        with agentmem.open(crew.store) as store:
            counted = [
                store.get("counter").metadata["n"],  # type: ignore[union-attr]
                store.journal("counter").read(last=1)[0].value,
                store.journal("counter").get("n"),
            ]
            log = [entry.value for entry in store.journal("counter").read()]
            assert log == [*range(len(log))]
            assert store.verify()
        for kind, count in enumerate(counted):
            acknowledged = done[kind] + done[3]
            figures["updates lost"] += max(0, acknowledged - count)
            assert acknowledged <= count <= acknowledged + kills
    figures["counts by compare-and-set"] += sum(done.values())
