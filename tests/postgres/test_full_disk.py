"""A disk of the server has no room left: the error says so, nothing acknowledged is lost, and work resumes
when there is room again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server

import agentmem


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of 24 MB with a folder that the server may write to; it may not enter pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="agentmem-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0755", "tmpfs", str(folder)]
    if (
        not hasattr(os, "geteuid")
        or os.geteuid() != 0
        or subprocess.run(mount, capture_output=True).returncode
    ):
        folder.rmdir()
        pytest.skip("only root may mount a small disk")
    (folder / "postgres").mkdir()
    folder.chmod(0o755)
    shutil.chown(folder / "postgres", "postgres", "postgres")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def fill(folder: Path) -> Path:
    """Leave no byte."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


def add_until_an_error(store: agentmem.MemoryStore) -> tuple[set[str], agentmem.StorePathError]:
    """The ids that were acknowledged, and the error."""
    ids: set[str] = set()
    while True:
        try:
            ids |= {*store.add_many(f"note of many things {line} " * 20 for line in range(50))}
        except agentmem.StorePathError as error:
            return ids, error


def test_the_disk_of_the_tables_fills_up(disk: Path) -> None:
    server = Server()
    try:
        server.sql(f"CREATE TABLESPACE small LOCATION '{disk / 'postgres'}'")
        server.sql("CREATE DATABASE small TABLESPACE small")
        url = server.url("small")
        agentmem.migrate(url, space_depth=0)
        with agentmem.open(url) as store:
            (before,) = store.add_many(["before"])
            ballast = fill(disk)
            start = time.monotonic()
            ids, error = add_until_an_error(store)
            assert time.monotonic() - start < 20
            assert "No space left on device" in str(error)
            assert {record.id for record in store.list(limit=None)} == {before, *ids}
            assert [hit.record.id for hit in store.search("before")] == [before]
            ballast.unlink()
            after = store.add("after")
            assert {record.id for record in store.list(limit=None)} == {before, *ids, after}
            assert store.verify().ok
    finally:
        server.remove()


def test_the_disk_of_the_log_fills_up(disk: Path) -> None:
    """PostgreSQL crashes then, and starts again when there is room."""
    sizes = ["min_wal_size=2MB", "max_wal_size=4MB"]
    server = Server(*sizes, "synchronous_commit=on", log_folder=disk / "postgres" / "wal")
    try:
        url = server.url()
        agentmem.migrate(url, space_depth=0)
        with agentmem.open(url) as store:
            before = store.add("before")
            ballast = fill(disk)
            start = time.monotonic()
            ids, _ = add_until_an_error(store)
            assert time.monotonic() - start < 20
            ballast.unlink()
            with contextlib.suppress(AssertionError):
                server.stop("immediate")
            server.start()
            there = {record.id for record in store.list(limit=None)}
            assert {before, *ids} <= there
            assert len(there) - len(ids) - 1 in (0, 50)
            after = store.add("after")
            assert [hit.record.id for hit in store.search("after")] == [after]
            assert store.verify().ok
    finally:
        server.remove()
