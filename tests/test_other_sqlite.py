"""Other code in the process of a store opens its file: Python's `sqlite3`, or whoever copies it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import agentmem

pytestmark = pytest.mark.skipif(
    sys.platform != "linux",
    reason="only Linux has locks that another SQLite in the same process respects",
)


def look(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("SELECT * FROM memories").fetchall()
    connection.close()


def look_read_only(path: Path) -> None:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.execute("SELECT * FROM memories").fetchall()
    connection.close()


def write(path: Path) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO meta(key, value) VALUES ('another program', 1)")
    connection.close()


def read_and_look_from_outside(path: Path) -> None:
    path.read_bytes()
    in_child("import sqlite3; sqlite3.connect(path).execute('SELECT * FROM memories').fetchall()", path)


def copy_and_look_from_outside(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    in_child("import sqlite3; sqlite3.connect(path).execute('PRAGMA wal_checkpoint(TRUNCATE)')", path)


def in_child(code: str, path: Path) -> str:
    command = [sys.executable, "-c", f"import agentmem, sys; path = sys.argv[1]; {code}", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


VISITS = [look, look_read_only, write, read_and_look_from_outside, copy_and_look_from_outside]


@pytest.mark.parametrize("visit", VISITS)
def test_what_is_added_after_a_visit_is_seen_by_all(visit: Callable[[Path], None], path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("before")
        visit(path)
        store.add("after")
        assert in_child("s = agentmem.open(path); s.add('there'); print(s.count())", path) == "3\n"
        store.add("last")
        assert store.count() == 4
        assert store.verify()
    with agentmem.open(path) as store:
        assert store.count() == 4
        assert store.verify()


@pytest.mark.parametrize("visit", VISITS)
def test_what_is_added_after_a_visit_survives_a_kill(visit: Callable[[Path], None], path: Path) -> None:
    child = subprocess.run([sys.executable, __file__, visit.__name__, str(path)], check=False)
    assert child.returncode == -signal.SIGKILL
    with agentmem.open(path) as store:
        assert [record.content for record in store.list()] == ["after", "before"]


def visit_add_and_die(path: Path, visit: Callable[[Path], None]) -> None:
    store = agentmem.open(path)
    store.add("before")
    visit(path)
    store.add("after")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_connection_that_was_there_before(path: Path) -> None:
    agentmem.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("SELECT * FROM memories").fetchall()
    with agentmem.open(path) as store:
        store.add("before")
        assert connection.execute("SELECT content FROM memories").fetchall() == [("before",)]
        connection.close()
        store.add("after")
        assert in_child("print(agentmem.open(path).count())", path) == "2\n"


def test_a_write_of_another_connection_is_waited_for(path: Path) -> None:
    with agentmem.open(path, busy_timeout=0.2) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO scopes(path) VALUES ('/elsewhere')")
        with pytest.raises(agentmem.StoreBusyError):
            store.add("while another writes")
        assert store.count() == 0
        other.execute("COMMIT")
        store.add("afterwards")
        other.close()
        assert store.count() == 1
        assert store.verify()
    with agentmem.open(path, busy_timeout=20) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        commit = threading.Timer(0.2, other.execute, ["COMMIT"])
        commit.start()
        store.add("as soon as it is over")
        commit.join()
        other.close()
        assert store.count() == 2


def test_a_store_behind_a_link(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    agentmem.open(path).close()
    with agentmem.open(link, busy_timeout=0.1) as store:
        store.add("before")
        look(link)
        store.add("after")
        assert in_child("print(agentmem.open(path).count())", path) == "2\n"
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(agentmem.StoreBusyError):
            store.add("in vain")
        other.close()


def test_the_last_to_close_tidies_up(path: Path) -> None:
    first, second = agentmem.open(path), agentmem.open(path)
    first.add("one")
    look(path)
    first.close()
    assert path.with_name(path.name + "-wal").exists()
    second.add("two")
    second.close()
    assert not path.with_name(path.name + "-wal").exists()
    assert not path.with_name(path.name + "-shm").exists()
    look(path)
    with agentmem.open(path) as store:
        assert store.count() == 2


if __name__ == "__main__":
    visit_add_and_die(Path(sys.argv[2]), globals()[sys.argv[1]])
