"""The queue of the run log: threads that fill it take turns at emptying it."""

from __future__ import annotations

import threading
import time

from agentmem.crewai._writer import GroupWriter


def test_items_are_written_before_put_returns() -> None:
    written: list[int] = []
    writer = GroupWriter[int](written.extend, capacity=1, patience=1)
    assert all(writer.put(n) for n in range(3))
    assert written == [0, 1, 2]


def test_one_thread_at_a_time_writes_and_nothing_is_lost() -> None:
    written: list[int] = []
    writing = threading.Lock()

    def write(group: list[int]) -> None:
        assert writing.acquire(blocking=False)
        time.sleep(0.001)
        written.extend(group)
        writing.release()

    writer = GroupWriter[int](write, capacity=4, patience=20)
    threads = [
        threading.Thread(target=lambda n=n: [writer.put(n * 50 + i) for i in range(50)]) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == list(range(400))


def test_a_queue_that_stays_full_refuses_items() -> None:
    gate, begun = threading.Event(), threading.Event()
    written: list[int] = []

    def write(group: list[int]) -> None:
        begun.set()
        gate.wait(20)
        written.extend(group)

    writer = GroupWriter[int](write, capacity=1, patience=0.01)
    leader = threading.Thread(target=writer.put, args=(0,))
    leader.start()
    assert begun.wait(20)
    assert writer.put(1)
    assert not writer.put(2)
    gate.set()
    leader.join()
    assert written == [0, 1]
