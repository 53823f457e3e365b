"""A store in a file moves to PostgreSQL: the import may be killed at any moment and run again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from postgres_server import Server

import agentmem

USERS = 100
IMPORT = """
import sys, agentmem
with agentmem.open(sys.argv[2]) as store:
    print(store.import_(sys.argv[1], on_conflict="skip"))
"""


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """What a file held: records of many users, with histories, vectors, private ones, and journals."""
    lines = tmp_path / "moving.jsonl"
    with agentmem.open(tmp_path / "memory.db", durability="normal") as store:
        for user in range(USERS):
            mine = {"scope": f"/user{user}", "source": f"user{user}"}
            with store.batch() as batch:
                batch.add("likes tea", id=f"{user}-taste", embedding=[1.0, user], **mine)
                batch.add("a secret", id=f"{user}-secret", private=True, **mine)
                batch.supersede(f"{user}-taste", "likes coffee")
                batch.journal(f"user{user}/log").extend(["hello", {"user": user}])
                batch.journal(f"user{user}/state").put("step", user)
        store.export(lines, history=True, journals=True, include_private=True)
    return lines


def importing(lines: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(lines), url], stdout=subprocess.PIPE, text=True
    )


def content(store: agentmem.MemoryStore, path: Path) -> list[str]:
    store.export(path, history=True, journals=True, include_private=True)
    return sorted(path.read_text().splitlines())


@pytest.mark.parametrize("depth", [0, 1])
def test_a_killed_import_is_continued(exported: Path, server: Server, tmp_path: Path, depth: int) -> None:
    url = server.store(space_depth=depth)
    expected = sorted(exported.read_text().splitlines())
    with agentmem.open(url) as store:
        for _ in range(3):
            before = store.stats()
            killed = importing(exported, url)
            while killed.poll() is None and store.stats().records in (before.records, 2 * USERS):
                time.sleep(0.005)
            killed.send_signal(signal.SIGKILL)
            killed.communicate()
            assert set(content(store, tmp_path / "part.jsonl")) <= set(expected), "each line whole or absent"
        last = importing(exported, url)
        printed, _ = last.communicate()
        assert last.returncode == 0
        assert "Imported(written=" in printed
        assert content(store, tmp_path / "whole.jsonl") == expected
        assert store.verify().ok
        assert [r.content for r in store.history("7-taste", scope="/user7")] == ["likes tea", "likes coffee"]
        assert [entry.value for entry in store.journal("user7/log").read()] == ["hello", {"user": 7}]
        again = store.import_(exported, on_conflict="skip")
        assert (again.written, again.skipped) == (0, len(expected))
