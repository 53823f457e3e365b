"""The probes of benches/comparison.py, on a store whose answers are known: SQLite's FTS5."""

import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).parent.parent / "benches"
sys.path.insert(0, str(BENCHES))
import safety  # noqa: E402
from peer_process import Environment, PeerError, Process, opened  # noqa: E402
from peers import Fts5  # noqa: E402

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGKILL and no select on pipes"
)


@pytest.fixture
def here(tmp_path: Path) -> Environment:
    """An environment that needs no installation."""
    environment = Environment(Fts5, tmp_path, "")
    environment.python = sys.executable
    return environment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def test_the_shortest_program_has_a_hit(here: Environment) -> None:
    assert here.first_hit() == {"lines": 9}


def test_what_returned_before_a_kill_is_found(here: Environment, folder: Path) -> None:
    assert safety.killed(here, folder) == {"returned": 26, "found": 26}


def test_two_writers_lose_nothing(here: Environment, folder: Path) -> None:
    assert safety.two_writers(here, folder) == {"tried": 100, "returned": 100, "found": 100, "errors": []}


def test_an_open_reader_finds_what_another_process_adds(here: Environment, folder: Path) -> None:
    assert safety.open_reader(here, folder) == {"sees": "at once"}


def test_fts5_refuses_a_text_and_changes_a_foreign_database(here: Environment, folder: Path) -> None:
    found = safety.foreign_file(here, folder)
    assert found["text"] == {"refused": "DatabaseError: file is not a database", "unchanged": True}
    assert found["database"] == {"refused": None, "unchanged": False}


def test_an_error_of_a_store_is_an_answer(here: Environment, folder: Path) -> None:
    with opened(here, folder) as process, pytest.raises(PeerError, match="AttributeError"):
        process.call("fly")


def test_a_process_that_ends_says_how(here: Environment, folder: Path) -> None:
    with Process(here, folder) as process:
        process.kill()
        with pytest.raises(PeerError, match="SIGKILL"):
            process.call("open")
