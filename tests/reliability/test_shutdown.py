"""Ways for a program to end in the middle of work: Ctrl-C, exit with threads at work, pools and tasks that
are given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import agentmem
import agentmem.aio

# What runs in the background of a shell may have been told to ignore Ctrl-C, and its children with it.
BEGIN = """
import os, signal, sys, threading, io, agentmem
signal.signal(signal.SIGINT, signal.default_int_handler)
store = agentmem.open(sys.argv[1])
def acknowledged(ids):
    os.write(1, ("".join(f"{id}\\n" for id in ids)).encode())
def work(name, times):
    for n in range(times):
        acknowledged(store.add_many([{"id": f"{name}-{n}-{i}", "content": f"note {i}"} for i in range(5)]))
        store.search("note", 3)
"""


class Program:
    """A program that prints the ids that the store acknowledged."""

    def __init__(self, tmp_path: Path, code: str) -> None:
        self.path = tmp_path / "memory.db"
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGIN + code, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def interrupt_soon(self) -> None:
        """Ctrl-C at some moment after the first acknowledged write."""
        assert self.process.stdout
        self.first = self.process.stdout.readline()
        time.sleep(random.uniform(0, 0.3))
        self.process.send_signal(signal.SIGINT)

    def check(self, first: str = "") -> str:
        """It ended, without a crash; what was acknowledged is there, in whole batches. What it said on
        stderr.
        """
        out, said = self.process.communicate(timeout=120)
        assert self.process.returncode in (0, 1, 130, -signal.SIGINT), f"{self.process.returncode}: {said}"
        assert "panicked" not in said
        with agentmem.open(self.path) as store:
            found = {record.id for record in store.list(None)}
            assert store.verify()
        told = {line for line in (first + out).split("\n") if line and not line.startswith("#")}
        assert told <= found, f"lost: {sorted(told - found)[:5]}"
        batches = Counter(id.rsplit("-", 1)[0] for id in found)
        assert set(batches.values()) <= {5}, "half a batch"
        return said


@pytest.mark.parametrize(
    "code",
    [
        "work('main', 10**6)",
        "for n in range(3):\n    threading.Thread(target=work, args=(f't{n}', 10**6), daemon=True).start()\n"
        "work('main', 10**6)",
        "work('main', 1)\nwhile True: store.search_many(['note'] * 50, 10)",
        "work('main', 1)\nwhile True: store.verify(); store.rebuild()",
    ],
    ids=["one thread", "daemon threads", "searching", "rebuilding"],
)
def test_control_c(
    code: str, tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """A KeyboardInterrupt goes through; nothing is left by half."""
    for number in rounds(4, share=0.01):
        folder = tmp_path / str(number)
        folder.mkdir()
        program = Program(folder, code)
        program.interrupt_soon()
        assert "KeyboardInterrupt" in program.check(program.first)
        figures["programs interrupted"] += 1


def test_control_c_in_an_import(tmp_path: Path) -> None:
    """It stops between two transactions, says so, and can be taken up again."""
    text = "".join(f'{{"id": "x-{n}-0", "content": "note {n} of many"}}\n' for n in range(25_000))
    code = """
try:
    store.import_(sys.stdin.buffer)
except KeyboardInterrupt:
    acknowledged([f"#{store.count()}"])
"""
    program = Program(tmp_path, code)
    assert program.process.stdin
    program.process.stdin.write(text)
    program.process.stdin.flush()
    time.sleep(random.uniform(0, 0.5))
    program.process.send_signal(signal.SIGINT)  # It waits for more at the latest.
    out, said = program.process.communicate(timeout=120)
    assert program.process.returncode == 0, said
    with agentmem.open(program.path) as store:
        (count,) = [int(line[1:]) for line in out.split()]
        assert store.count() == count
        assert count % 10_000 == 0
        imported = store.import_(io.BytesIO(text.encode()), on_conflict="skip")
        assert (imported.written, imported.skipped) == (25_000 - count, count)
        assert store.verify()


@pytest.mark.parametrize(
    "end", ["sys.exit(0)", "raise ValueError('on purpose')", "os._exit(0)", "del store", "store.close()", ""]
)
def test_the_program_ends_while_threads_work(end: str, tmp_path: Path) -> None:
    """Daemon threads are cut off in the middle of calls when the interpreter ends."""
    code = f"""
import time
for n in range(4):
    threading.Thread(target=work, args=(f"t{{n}}", 10**6), daemon=True).start()
time.sleep(0.3)
{end}
"""
    said = Program(tmp_path, code).check()
    assert ("ValueError" in said) == ("ValueError" in end)
    assert "Fatal Python error" not in said


def test_a_thread_pool_that_is_given_up(tmp_path: Path) -> None:
    """What is still queued never happens; what has begun happens whole."""
    with agentmem.open(tmp_path / "memory.db") as store:
        pool = ThreadPoolExecutor(8)
        calls = [
            pool.submit(store.add_many, [{"id": f"{n}-{i}", "content": "note"} for i in range(3)])
            for n in range(300)
        ]
        pool.shutdown(wait=False, cancel_futures=True)
        done = {n for n, call in enumerate(calls) if not call.cancelled() and call.result()}
        counts = Counter(int(record.id.split("-")[0]) for record in store.list(None))
        assert counts == dict.fromkeys(done, 3)
        assert store.verify()


def test_a_store_that_is_closed_under_threads(tmp_path: Path) -> None:
    """Calls under way end as they would have; later ones raise StoreClosedError; nothing else is raised."""
    for number in range(5):
        store = agentmem.open(tmp_path / f"{number}.db")
        pool = ThreadPoolExecutor(6)
        calls = [pool.submit(store.add, f"note {n}", id=f"{n}") for n in range(200)]
        calls += [pool.submit(store.search, "note", 3) for n in range(100)]
        time.sleep(random.uniform(0, 0.05))
        store.close()
        pool.shutdown()
        assert {type(call.exception()) for call in calls} <= {type(None), agentmem.StoreClosedError}
        acknowledged = {call.result() for call in calls[:200] if call.exception() is None}
        with agentmem.open(tmp_path / f"{number}.db") as store:
            found = {record.id for record in store.list(None)}
            assert acknowledged <= found
            assert store.verify()


def test_tasks_that_are_cancelled(tmp_path: Path) -> None:
    """A cancelled add has happened whole or not at all, and the store goes on."""

    async def main() -> None:
        async with agentmem.aio.open(tmp_path / "memory.db") as store:
            for n in range(60):
                batch = [{"id": f"{n}-{i}", "content": f"note {i}"} for i in range(4)]
                task = asyncio.create_task(store.add_many(batch))
                await asyncio.sleep(random.uniform(0, 0.003))
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    assert len(await task) == 4  # It was quicker than we.
            assert await store.add("the last") in {record.id for record in await store.list(None)}
            assert await store.verify()

    asyncio.run(main())
    with agentmem.open(tmp_path / "memory.db") as store:
        counts = Counter(
            record.id.split("-")[0] for record in store.list(None) if record.content != "the last"
        )
        assert set(counts.values()) <= {4}
        assert store.verify()
