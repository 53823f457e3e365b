"""Processes that fork with a store open: parent and children go on working, and nothing that either wrote
is lost.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Semaphore
from pathlib import Path

import pytest
from reliability.child import added_by_child

import agentmem

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class Signal:
    """Something that one process tells another once."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()

    def give(self) -> None:
        os.write(self._in, b"!")

    def wait(self) -> None:
        assert os.read(self._out, 1)


def forked(work: Callable[[], None]) -> int:
    """Do the work in a child; its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def ended_well(pid: int) -> None:
    """Wait for a child."""
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def ids(path: Path) -> set[str]:
    """What a process that has nothing to do with all this finds in the store, sound."""
    code = "import agentmem, sys; s = agentmem.open(sys.argv[1])\n"
    code += "assert s.verify(); print(*(r.id for r in s.list(None)))"
    words = [sys.executable, "-c", code, str(path)]
    return set(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[agentmem.MemoryStore]:
    """A store with one record."""
    with agentmem.open(tmp_path / "memory.db") as store:
        store.add("a record of the parent", id="parent")
        yield store


def test_parent_and_child_both_go_on(store: agentmem.MemoryStore, tmp_path: Path) -> None:
    """Each finds what the other wrote."""
    written, seen = Signal(), Signal()

    def child() -> None:
        assert [hit.record.id for hit in store.search("parent")] == ["parent"]
        store.add("a record of the child", id="child")
        written.give()
        seen.wait()
        assert store.get("later") is not None

    pid = forked(child)
    written.wait()
    assert [hit.record.id for hit in store.search("child")] == ["child"]
    store.add("written later", id="later")
    seen.give()
    ended_well(pid)
    assert ids(tmp_path / "memory.db") == {"parent", "child", "later"}


def test_a_child_outlives_the_parents_store(store: agentmem.MemoryStore, tmp_path: Path) -> None:
    """When the parent closes the file, and another process opens and closes it, the child's log is not
    theirs to delete.
    """
    written, closed = Signal(), Signal()

    def child() -> None:
        store.add("before", id="before")
        written.give()
        closed.wait()
        store.add("after", id="after")
        assert {record.id for record in store.list()} == {"parent", "before", "after"}

    pid = forked(child)
    written.wait()
    store.close()
    assert ids(tmp_path / "memory.db") == {"parent", "before"}
    closed.give()
    ended_well(pid)
    assert ids(tmp_path / "memory.db") == {"parent", "before", "after"}


def test_a_grandchild_outlives_them_all(store: agentmem.MemoryStore, tmp_path: Path) -> None:
    """As a daemon does."""
    gone, done = Signal(), Signal()

    def daemon() -> None:
        gone.wait()
        store.add("by the daemon", id="daemon")
        done.give()

    def child() -> None:
        store.add("by the child", id="child")
        forked(daemon)

    ended_well(forked(child))
    store.close()
    gone.give()
    done.wait()
    assert ids(tmp_path / "memory.db") == {"parent", "child", "daemon"}


def test_forks_in_the_middle_of_work(
    store: agentmem.MemoryStore, tmp_path: Path, figures: Counter[str]
) -> None:
    """Threads write, search, open and close while the process forks again and again; no child hangs."""
    stop = threading.Event()
    added: list[str] = []

    def busy(name: str) -> None:
        while not stop.is_set():
            added.append(store.add(f"work of {name}", id=f"{name}-{time.monotonic_ns()}"))
            store.search("work of", 5)

    def opens() -> None:
        while not stop.is_set():
            with agentmem.open(tmp_path / "memory.db", pool_size=2) as other:
                other.count()

    threads = [threading.Thread(target=busy, args=(f"t{number}",)) for number in range(3)]
    threads.append(threading.Thread(target=opens))
    for thread in threads:
        thread.start()
    children = []
    try:
        for number in range(20):
            name = f"child{number}"
            children.append(forked(lambda name=name: added_by_child(store, name)))
            time.sleep(0.01)
        for pid in children:
            ended_well(pid)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expected = {"parent", *added, *(f"child{number}" for number in range(20))}
    store.close()
    assert ids(tmp_path / "memory.db") == expected
    figures["forks in the middle of work"] += len(children)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, store: agentmem.MemoryStore, tmp_path: Path) -> None:
    """The store itself is handed to the children."""
    context = multiprocessing.get_context(method)
    children = [
        context.Process(target=added_by_child, args=(store, f"{method}{number}")) for number in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    assert ids(tmp_path / "memory.db") == {"parent", *(f"{method}{number}" for number in range(3))}


def test_workers_of_a_server(store: agentmem.MemoryStore, tmp_path: Path) -> None:
    """As gunicorn does with a preloaded application: the master keeps the store and never uses it, workers
    are many.
    """
    context = multiprocessing.get_context("fork")
    ready, stop = context.Semaphore(0), tmp_path / "stop"
    workers = [
        context.Process(target=serve, args=(store, f"worker{number}", ready, stop)) for number in range(4)
    ]
    for worker in workers:
        worker.start()
    for _ in workers:
        assert ready.acquire(timeout=60)
    workers[0].kill()
    workers[0].join()
    replacement = context.Process(target=serve, args=(store, "replacement", ready, stop))
    replacement.start()
    assert ready.acquire(timeout=60)
    stop.touch()
    for worker in [*workers[1:], replacement]:
        worker.join(60)
        assert worker.exitcode == 0
    found = ids(tmp_path / "memory.db")
    for name in [*(f"worker{number}" for number in range(4)), "replacement"]:
        assert {f"{name}-{n}" for n in range(10)} <= found


def serve(store: agentmem.MemoryStore, name: str, ready: Semaphore, stop: Path) -> None:
    """Ten requests, then it waits."""
    for n in range(10):
        store.add(f"request {n} of {name}", id=f"{name}-{n}")
    ready.release()
    while not stop.exists():
        store.search("request", 3)


def test_a_fork_in_a_callback(store: agentmem.MemoryStore, tmp_path: Path) -> None:
    """A store that is in the middle of an export cannot let go of its file; parent and child work all the
    same.
    """
    store.add_many(f"note {n}" for n in range(3000))
    children = []

    def progress(done: int, total: int) -> None:
        if not children:
            children.append(forked(lambda: None))

    with contextlib.closing((tmp_path / "out.jsonl").open("wb")) as out:
        assert store.export(out, progress) == 3001
    ended_well(children[0])
    assert store.count() == 3001
