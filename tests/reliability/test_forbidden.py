"""What the system forbids: the right error, nothing lost, and the store works again when the cause is
gone.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import agentmem

NOBODY = 65534
HOLD_LOCK = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
conn.execute("ROLLBACK")
"""
pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


def in_a_child(work: Callable[[], None], nobody: bool = False) -> None:
    """Do the work in a process of its own, as somebody without root's rights if need be."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if nobody and os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that belongs to nobody."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        if os.geteuid() == 0:
            os.chown(name, NOBODY, NOBODY)
        yield Path(name)
        os.chmod(name, 0o755)


def make(path: Path) -> None:
    """A store with one record."""
    with agentmem.open(path) as store:
        store.add("the first record", id="first")


def test_a_read_only_file(folder: Path) -> None:
    """It can be read when that is what one asks for."""

    def work() -> None:
        path = folder / "memory.db"
        make(path)
        path.chmod(0o444)
        with pytest.raises(agentmem.StoreReadOnlyError):
            agentmem.open(path)
        with agentmem.open(path, read_only=True) as store:
            assert len(store.search("first")) == 1
            with pytest.raises(agentmem.StoreReadOnlyError):
                store.add("x")
        path.chmod(0o600)
        with agentmem.open(path) as store:
            store.add("again")
            assert store.verify()

    in_a_child(work, nobody=True)


def test_a_read_only_folder(folder: Path) -> None:
    """SQLite needs to make files beside the store; a reader can do without."""

    def work() -> None:
        path = folder / "memory.db"
        make(path)
        folder.chmod(0o555)
        with pytest.raises((agentmem.StorePathError, agentmem.StoreReadOnlyError)):
            agentmem.open(path).add("x")
        with pytest.raises(agentmem.StorePathError) as raised:
            agentmem.open(folder / "new.db")
        assert isinstance(raised.value, OSError)
        with agentmem.open(path, read_only=True) as store:
            assert len(store.search("first")) == 1
        folder.chmod(0o755)
        with agentmem.open(path) as store:
            store.add("again")
            assert store.count() == 2
            assert store.verify()

    in_a_child(work, nobody=True)


def test_permission_lost_while_open(folder: Path) -> None:
    """What is open stays open; nothing is lost, and later all is well again."""

    def work() -> None:
        path = folder / "memory.db"
        make(path)
        store = agentmem.open(path, busy_timeout=2)
        path.chmod(0)
        ids = ["first"]
        for n in range(5):
            try:
                ids.append(store.add(f"note {n}"))
            except (agentmem.StorePathError, agentmem.StoreReadOnlyError):
                break
        with pytest.raises(agentmem.StorePathError, match="permission"):
            agentmem.open(path)
        path.chmod(0o600)
        ids.append(store.add("permitted again"))
        assert {record.id for record in store.list()} == set(ids)
        assert store.verify()
        store.close()

    in_a_child(work, nobody=True)


def test_the_file_is_deleted_while_open(tmp_path: Path) -> None:
    """A write that nobody would find again is refused; moved back, the file is written as before."""
    path, away = tmp_path / "memory.db", tmp_path / "away.db"
    make(path)
    store = agentmem.open(path)
    store.add("the second record", id="second")
    path.rename(away)
    with pytest.raises(agentmem.StorePathError):
        store.add("lost?")
    away.rename(path)
    store.add("the third record", id="third")
    store.close()
    with agentmem.open(path) as store:
        assert {record.id for record in store.list()} == {"first", "second", "third"}
        assert store.verify()


def test_the_file_is_replaced_while_open(tmp_path: Path) -> None:
    """The other file is not written to, and is read when the store is opened again."""
    path, other = tmp_path / "memory.db", tmp_path / "other.db"
    make(path)
    with agentmem.open(other) as store:
        store.add("of the other store", id="other")
    store = agentmem.open(path)
    assert store.count() == 1
    os.replace(other, path)
    with pytest.raises(agentmem.StorePathError, match="another file"):
        store.add("where to?")
    store.close()
    with agentmem.open(path) as store:
        assert {record.id for record in store.list()} == {"other"}
        assert store.verify()


def test_out_of_file_descriptors(tmp_path: Path) -> None:
    """An error and no hang, no matter what was needed; afterwards everything works."""
    make(tmp_path / "memory.db")

    def work() -> None:
        store = agentmem.open(tmp_path / "memory.db", busy_timeout=5)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        held = []
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        errors: list[BaseException] = []
        ids: list[str] = []

        def use(n: int) -> None:
            try:
                ids.append(store.add(f"note {n}"))
                store.search("note")
            except agentmem.AgentMemError as error:
                errors.append(error)

        threads = [threading.Thread(target=use, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(agentmem.StorePathError):
            agentmem.open(tmp_path / "memory.db")
        with pytest.raises((agentmem.StorePathError, OSError)):
            store.backup(tmp_path / "copy.db")
        assert all(isinstance(e, (agentmem.StorePathError, agentmem.StoreBusyError)) for e in errors), errors
        for file in held:
            os.close(file)
        ids.append(store.add("descriptors again"))
        assert {record.id for record in store.list(None)} == {"first", *ids}
        assert store.verify()
        store.close()

    in_a_child(work)


def test_a_lock_held_by_another_program(tmp_path: Path) -> None:
    """Readers go on; writers are told after their patience, and wait no longer than that."""
    path = tmp_path / "memory.db"
    make(path)
    store = agentmem.open(path, busy_timeout=0.3)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    assert other.stdout.readline() == "locked\n"
    for work in (
        lambda: store.add("x"),
        lambda: store.update("first", content="x"),
        lambda: store.delete("first"),
        store.reset,
        store.rebuild,
    ):
        with pytest.raises(agentmem.StoreBusyError, match="busy_timeout"):
            work()
    assert len(store.search("first")) == store.count() == 1
    with agentmem.open(path, read_only=True) as reader:
        assert reader.count() == 1
    patient = agentmem.open(path, busy_timeout=60)
    writing = threading.Thread(
        target=patient.add, args=("written when the lock was gone",), kwargs={"id": "late"}
    )
    writing.start()
    time.sleep(0.5)
    other.communicate("let go")
    writing.join()
    store.add("now it works", id="now")
    assert {record.id for record in store.list()} == {"first", "late", "now"}
    assert store.verify()
    patient.close()
    store.close()


@pytest.mark.parametrize("kind", ["folder", "text", "other database", "fifo"])
def test_something_else_is_left_untouched(kind: str, tmp_path: Path) -> None:
    """A path to what is no store."""
    path = tmp_path / "memory.db"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("Dear diary, " * 100)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with sqlite3.connect(path) as conn:
            conn.execute("CREATE TABLE records(id)")
        conn.close()
    before = path.read_bytes() if path.is_file() else None
    for read_only in (False, True):
        with pytest.raises(agentmem.NotAStoreError):
            agentmem.open(path, read_only=read_only)
    assert list(tmp_path.iterdir()) == [path]
    assert before == (path.read_bytes() if path.is_file() else None)
