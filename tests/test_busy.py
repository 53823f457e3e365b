from __future__ import annotations

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
        store.add("after")
        assert store.count() == 2


def test_writers_wait_for_a_lock(path: Path) -> None:
    with agentmem.open(path) as store, held(path) as holder:
        threading.Timer(0.3, holder.kill).start()
        start = time.monotonic()
        store.add("patient")
        assert time.monotonic() - start > 0.2
        assert store.count() == 1
