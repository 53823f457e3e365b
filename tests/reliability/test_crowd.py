"""Many processes and threads at once: every write takes effect, nobody starves, nobody sees a lock."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from pathlib import Path

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
