from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import os, sys, time
import agentmem

def threads():
    return len(os.listdir("/proc/self/task"))

def settled(expected):
    deadline = time.monotonic() + 10
    while threads() > expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return threads()

before = threads()
stores = [agentmem.open(f"{sys.argv[1]}/{n}.db", durability="normal") for n in range(10)]
for store in stores:
    store.add_many(f"note {n} of Alice" for n in range(1000))
    assert store.search("alice")
print(settled(before + 1) - before)
for store in stores:
    store.close()
print(settled(before) - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not list threads")
def test_idle_stores_share_one_thread_which_ends_with_the_last(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    counted = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert counted == ["1", "0"]
