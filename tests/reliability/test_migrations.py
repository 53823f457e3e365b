"""Stores of older versions open; a migration that is killed leaves the old store or the new."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import agentmem
from agentmem import _core

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("store_v*.db"))
OLD = FIXTURES[0]
ROWS = {
    1: "INSERT INTO records"
    "(id, scope, content, categories, metadata, importance, created_at, updated_at, last_accessed) "
    "SELECT 'copy-' || i, '/s' || i % 9, 'note about thing' || i, '[]', '{}', 0.5, i, i, i FROM n",
    2: "INSERT INTO records(id, scope, content, created_at) "
    "SELECT 'copy-' || i, (SELECT min(id) FROM scopes), 'note about thing' || i, i FROM n",
}
"""For each older schema, rows that a migration has work with."""
LATEST = len(FIXTURES)
OPEN = "import agentmem, sys; agentmem.open(sys.argv[1]).close()"


def version(path: Path) -> int:
    """The schema version, read without touching the store."""
    return _core.migration_status(path)["current"]


def files(folder: Path) -> dict[str, bytes]:
    """All files and what is in them."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=ROWS, ids="v{}".format)
def large(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of an older version with so many records that migrating it takes a while."""
    path = Path(shutil.copy(FIXTURES[request.param - 1], tmp_path / "large.db"))
    with sqlite3.connect(path) as conn:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) "
        conn.execute(numbers + ROWS[request.param])
    conn.close()
    return path


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_every_version_opens(fixture: Path, tmp_path: Path) -> None:
    """Each released schema has its file; all of them show the same records."""
    path = tmp_path / "memory.db"
    shutil.copy(fixture, path)
    with agentmem.open(path) as store:
        assert store.verify()
        found = {record.id: record.content for record in store.list(None, include_private=True)}
        assert found["note-1"] == "An id that is no UUID."
        assert found.pop("lives", None) == ("Alice lives in Rome." if fixture is FIXTURES[-1] else None)
        assert len(found) == 6
        assert [hit.record.content for hit in store.search("prefers email", mode="bm25")] == [
            "Alice prefers email over phone."
        ]
    assert version(path) == _core.migration_status(path)["latest"]


def test_killed_in_a_migration(
    large: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """Whatever the moment, the next opening finishes the work, and nothing is missing."""
    old, outcomes = version(large), Counter[int]()
    for number in rounds(20, share=0.05):
        folder = large.parent / str(number)
        folder.mkdir()
        path = Path(shutil.copy(large, folder / "memory.db"))
        process = subprocess.Popen([sys.executable, "-c", OPEN, str(path)])
        while len(list(folder.iterdir())) == 1 and process.poll() is None:
            time.sleep(0.0005)  # Until the migration makes a file.
        time.sleep(random.uniform(0, 0.25) * random.random() ** 3)
        process.send_signal(signal.SIGKILL)
        process.wait()
        figures["migrations killed"] += 1
        outcomes[version(path)] += 1
        assert version(path) in (old, LATEST), "a migration of several steps stopped between two of them"
        with agentmem.open(path) as store:
            assert store.count() == 5006
            assert store.verify()
            assert [hit.record.id for hit in store.search("thing4321", mode="bm25")] == ["copy-4321"]
        assert not list(folder.glob("*.part*")), "what the killed migration left is still there"
        for backup in folder.glob("*-backup*"):
            assert version(backup) == old
        shutil.rmtree(folder)
    assert outcomes[old] > 0, "every kill came too late"


def test_what_a_killed_backup_left_is_removed(tmp_path: Path) -> None:
    """The next backup to that name does it, an hour later: until then somebody may be at work on it."""
    hours_ago = time.time() - 2 * 3600
    mark = "0123456789abcdef"
    old = [f"copy.db.{mark}.part", f"copy.db.{mark}.part-journal"]
    fresh = [f"copy.db.{mark[::-1]}.part"]
    others = [f"other.db.{mark}.part", "copy.db.part", "copy.db.notes.part", f"copy.db.{mark}.part.txt"]
    for name in [*old, *fresh, *others]:
        (tmp_path / name).write_bytes(b"x")
        if name not in fresh:
            os.utime(tmp_path / name, (hours_ago, hours_ago))
    with agentmem.open(tmp_path / "memory.db") as store:
        store.backup(tmp_path / "copy.db")
    left = {path.name for path in tmp_path.iterdir() if ".part" in path.name}
    assert left == {*fresh, *others}


def test_a_migration_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    """At once, since only one process migrates at a time."""
    path = Path(shutil.copy(OLD, tmp_path / "memory.db"))
    for ending in (".part", ".part-journal"):
        path.with_name(f"memory.db.v1-backup.0123456789abcdef{ending}").write_bytes(b"x")
    agentmem.open(path).close()
    assert [found.name for found in tmp_path.glob("*backup*")] == ["memory.db.v1-backup"]


@pytest.mark.parametrize("processes", [2, 6])
def test_many_migrate_at_once(processes: int, large: Path) -> None:
    """One does all steps, the others wait; one backup is made."""
    old = version(large)
    backup = f"large.db.v{old}-backup"
    running = [subprocess.Popen([sys.executable, "-c", OPEN, str(large)]) for _ in range(processes)]
    assert [process.wait(timeout=120) for process in running] == [0] * processes
    assert [path.name for path in large.parent.glob("*backup*")] == [backup]
    with agentmem.open(large) as store:
        assert store.count() == 5006
        assert store.verify()
    with sqlite3.connect(large.with_name(backup)) as conn:
        assert conn.execute("SELECT count(*) FROM records").fetchone() == (5006,)
        assert conn.execute("PRAGMA user_version").fetchone() == (old,)
    conn.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_store_is_left_untouched(read_only: bool, tmp_path: Path) -> None:
    """Byte for byte, and nothing beside it."""
    path = tmp_path / "memory.db"
    shutil.copy(FIXTURES[-1], path)
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA user_version = 99")
    conn.close()
    before = files(tmp_path)
    with pytest.raises(agentmem.SchemaTooNewError, match="99"):
        agentmem.open(path, read_only=read_only)
    assert files(tmp_path) == before


def test_an_older_store_is_not_migrated_by_a_reader(tmp_path: Path) -> None:
    """It says what to do."""
    path = tmp_path / "memory.db"
    shutil.copy(OLD, path)
    before = files(tmp_path)
    with pytest.raises(agentmem.StoreReadOnlyError, match="migrate"):
        agentmem.open(path, read_only=True)
    assert files(tmp_path) == before
