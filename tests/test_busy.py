from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import agentmem

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program holds the write lock until it is told to end."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_a_lock_that_is_held_too_long(path: Path) -> None:
    with agentmem.open(path, busy_timeout=0.3) as store:
        store.add("before")
        with held(path):
            start = time.monotonic()
            with pytest.raises(agentmem.StoreBusyError, match="busy"):
                store.add("in vain")
            assert 0.2 < time.monotonic() - start < 10
            assert store.search("before")
            assert store.count() == 1
            assert store.delete([]) == store.touch([]) == 0
        store.add("after")
        assert store.count() == 2


def test_writers_wait_for_a_lock(path: Path) -> None:
    with agentmem.open(path) as store, held(path) as holder:
        threading.Timer(0.3, holder.kill).start()
        start = time.monotonic()
        store.add("patient")
        assert time.monotonic() - start > 0.2
        assert store.count() == 1


WRITERS = """
import sys, threading, time
import agentmem

store = agentmem.open(sys.argv[1], busy_timeout=300)
print("open", flush=True)
sys.stdin.readline()
others = [threading.Thread(target=store.add, args=("patient",), daemon=True) for _ in range(int(sys.argv[2]))]
for other in others:
    other.start()
time.sleep(0.2)
try:
    print("waiting", flush=True)
    store.add("in vain")
except KeyboardInterrupt:
    print("interrupted", flush=True)
for other in others:
    other.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("others", [0, 3])
def test_ctrl_c_while_a_lock_is_awaited(path: Path, others: int) -> None:
    """It stops the write of the main thread alone, whichever thread waits for the lock for all."""
    command = [sys.executable, "-c", WRITERS, str(path), str(others)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        assert writers.stdout.readline() == "open\n"
        with held(path):
            writers.stdin.write("\n")
            writers.stdin.flush()
            assert writers.stdout.readline() == "waiting\n"
            time.sleep(0.3)
            writers.send_signal(signal.SIGINT)
            assert writers.stdout.readline() == "interrupted\n"
        assert writers.wait(timeout=60) == 0
    with agentmem.open(path) as store:
        assert [record.content for record in store.list()] == ["patient"] * others
        assert store.verify()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("command", [["add", "in vain"], ["rebuild"]])
def test_ctrl_c_while_a_command_waits(path: Path, command: list[str]) -> None:
    agentmem.open(path).close()
    with held(path):
        script = "import agentmem.cli; print('ready', flush=True); agentmem.cli.main()"
        command = [sys.executable, "-c", script, *command, "--path", str(path)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as adding:
            assert adding.stdout is not None
            assert adding.stdout.readline() == "ready\n"
            time.sleep(1)
            adding.send_signal(signal.SIGINT)
            _, said = adding.communicate(timeout=20)
            assert adding.returncode == 130
            assert said.startswith("Error: stopped")
            assert said.count("\n") == 1
