"""A disk without room: the error says so, nothing acknowledged is lost, and the store goes on when there is
room again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import agentmem

MEGABYTES = 6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if (
        not hasattr(os, "geteuid")
        or os.geteuid() != 0
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


def add_until_full(store: agentmem.MemoryStore) -> list[str]:
    """The ids that were acknowledged before there was no room."""
    ids: list[str] = []
    number = 0
    while True:
        number += 1
        try:
            ids += store.add_many(f"note {number} of many things, line {line} " * 5 for line in range(20))
        except agentmem.StorePathError as error:
            assert "full" in str(error)  # noqa: PT017 (there is no telling which write it will be)
            return ids


@pytest.mark.parametrize("durability", ["full", "normal"])
def test_the_disk_fills_up(durability: str, disk: Path, figures: Counter[str]) -> None:
    """All that was acknowledged can still be read and searched; with room, writing goes on in the same
    store.
    """
    with agentmem.open(disk / "memory.db", durability=durability) as store:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * (2 << 20))
        ids = add_until_full(store)
        figures["writes acknowledged"] += len(ids) // 20
        assert {record.id for record in store.list(None)} == set(ids)
        assert len(store.search("note", 5)) == 5
        ballast.unlink()
        ids.append(store.add("there is room again"))
        assert [hit.record.id for hit in store.search("room again", 1)] == ids[-1:]
        assert store.verify()
    with agentmem.open(disk / "memory.db") as store:
        assert {record.id for record in store.list(None)} == set(ids)
        assert store.verify()


def test_a_store_is_opened_on_a_full_disk(disk: Path) -> None:
    """To be read at least without writing; a new one cannot be made, and leaves no trace that is in the
    way.
    """
    with agentmem.open(disk / "memory.db") as store:
        store.add("what was there before")
    ballast = fill(disk)
    with agentmem.open(disk / "memory.db", read_only=True) as store:
        assert len(store.search("before")) == 1
    with pytest.raises(agentmem.StorePathError):
        agentmem.open(disk / "new.db").add("x")
    ballast.unlink()
    with agentmem.open(disk / "new.db") as store:
        store.add("now it can")
    with agentmem.open(disk / "memory.db") as store:
        assert store.verify()


@pytest.mark.parametrize("work", ["backup", "export", "close"])
def test_long_work_on_a_full_disk(work: str, disk: Path) -> None:
    """No half of a copy is left, and the store is as before."""
    store = agentmem.open(disk / "memory.db", durability="normal")
    ids = store.add_many(f"note {n}" for n in range(4500))
    store.list(1)
    ballast = fill(disk)
    before = {path.name for path in disk.iterdir()}
    if work == "close":
        store.close()  # The index cannot be written; that is no reason to fail.
    else:
        with pytest.raises((agentmem.StorePathError, OSError)):
            getattr(store, work)(disk / "copy")
        assert {path.name for path in disk.iterdir()} == before
        store.close()
    ballast.unlink()
    with agentmem.open(disk / "memory.db") as store:
        assert store.count() == len(ids)
        assert store.verify()
