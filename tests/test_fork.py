from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import agentmem

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def child(work: Callable[[], object], patience: float = 60) -> None:
    """Run `work` in a forked child; it fails if the child does, or hangs."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            print(f"in the child: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        finally:
            os._exit(code)
    give_up = time.monotonic() + patience
    while time.monotonic() < give_up:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs")


@pytest.mark.parametrize("index", ["memory", "disk"])
def test_parent_and_child_go_on(path: Path, index: str) -> None:
    with agentmem.open(path, index=index) as store:  # type: ignore[arg-type]
        store.add("written before the fork", id="before")

        def work() -> None:
            assert store.search("before")[0].record.id == "before"
            store.add("written by the child", id="child")
            assert len(store.search_many(["child"] * 100)) == 100
            assert store.verify()

        child(work)
        assert store.search("child")[0].record.id == "child"
        store.add("written by the parent")
        child(lambda: store.close())
        assert store.count() == 3
        assert store.verify()


def test_a_fork_behind_a_large_write(path: Path) -> None:
    """The index follows such a write in a thread, which must have ended before the fork."""
    with agentmem.open(path) as store:
        for number in range(5):
            store.add_many(f"round{number} note{i}" for i in range(2000))
            child(lambda: bool(store.search("note1999", mode="bm25")) or pytest.fail("nothing found"))
            assert len(store.search("note1999", mode="bm25")) == number + 1
        assert store.verify()


def test_threads_that_use_it_first_after_a_fork(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("written before the fork")
        child(lambda: None)
        together, counts = threading.Barrier(8), []

        def count() -> None:
            together.wait()
            counts.append(store.count())

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counts == [1] * 8


def test_a_child_that_uses_nothing_harms_nothing(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("one")
        child(lambda: None)
        store.add("two")
        assert store.count() == 2


def test_a_child_that_ends_as_programs_do(path: Path) -> None:
    """The interpreter's shutdown in the child does not close what the parent has open."""
    code = f"""
import os, sys, agentmem
store = agentmem.open({str(path)!r})
store.add("before")
pid = os.fork()
if pid == 0:
    store.add("in the child")
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
store.add("after")
assert store.count() == 3 and store.verify()
"""
    import subprocess

    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)
    with agentmem.open(path) as store:
        assert store.count() == 3
        assert store.verify()


def test_a_closed_store_stays_closed(path: Path) -> None:
    store = agentmem.open(path)
    store.close()

    def work() -> None:
        with pytest.raises(agentmem.StoreClosedError):
            store.count()

    child(work)


def test_fork_while_threads_work(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("word")
        over = threading.Event()

        def work() -> None:
            store.add("from a child")
            assert store.search("word")

        def busy() -> None:
            while not over.is_set():
                store.search("word")
                store.add("word again")

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                child(work)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert len(store.search("child", 100)) == 10
        assert store.verify()


def test_the_default_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTMEM_PATH", str(path))
    agentmem.add("before")
    child(lambda: agentmem.add("child"))
    assert agentmem.count() == 2
    agentmem.close()


def test_children_draw_ids_of_their_own(path: Path) -> None:
    """What a generator in memory would draw next is the same in every child."""
    agentmem.Record("drawn before the fork")
    ends = [os.pipe() for _ in range(16)]
    children = []
    for _, write in ends:
        pid = os.fork()
        if pid == 0:
            drawn = "\n".join(agentmem.Record("x").id for _ in range(100))
            os.write(write, drawn.encode())
            os._exit(0)
        children.append(pid)
    drawn = [id for read, _ in ends for id in os.read(read, 1 << 16).decode().split()]
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
    assert len(set(drawn)) == len(drawn) == 1600
    for end in ends:
        os.close(end[0])
        os.close(end[1])


def test_pools_of_processes(path: Path) -> None:
    import multiprocessing

    with agentmem.open(path) as store, multiprocessing.get_context("fork").Pool(3) as pool:
        ids = pool.map(store.add, [f"number {n}" for n in range(30)])
        assert len(set(ids)) == 30
        assert store.count() == 30
