from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import agentmem

OLD = Path(__file__).parent / "fixtures" / "store_v1.db"


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(line.levelname, line.getMessage()) for line in caplog.records if line.name == "agentmem.core"]


def test_a_migration_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shutil.copy(OLD, path)
    agentmem.open(path).close()
    lines = said(caplog)
    assert ("INFO", f"the store as it was before the migration is in {path}.v1-backup") in lines


def test_an_index_file_that_had_to_be_made_anew_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with agentmem.open(path) as store:
        store.add_many([f"note {n}" for n in range(5000)])
    (file,) = Path(f"{path}-index").iterdir()
    file.write_bytes(b"rubbish")
    caplog.clear()
    with agentmem.open(path) as store:
        assert len(store.search("note")) == 10
        assert store.stats().index_invalidated == 1
    (line,) = (message for level, message in said(caplog) if level == "WARNING")
    assert "rebuilding the index" in line


def test_nothing_is_printed_without_logging_set_up(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add_many([f"note {n}" for n in range(5000)])
    (file,) = Path(f"{path}-index").iterdir()
    file.write_bytes(b"rubbish")
    code = "import agentmem, sys; agentmem.open(sys.argv[1]).search('note')"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


class Raising(logging.Handler):
    """A handler in which something happens."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def handle(self, record: logging.LogRecord) -> bool:
        raise self.error


def open_old_with(handler: logging.Handler, path: Path) -> None:
    shutil.copy(OLD, path)
    logger = logging.getLogger("agentmem.core")
    logger.addHandler(handler)
    try:
        agentmem.open(path).close()
    finally:
        logger.removeHandler(handler)


def test_ctrl_c_in_a_handler_is_heard(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(KeyboardInterrupt):
        open_old_with(Raising(KeyboardInterrupt()), path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_failing_handler_fails_no_call(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    open_old_with(Raising(ValueError("no room")), path)


def test_a_program_that_ends_after_its_folder_says_nothing(tmp_path: Path) -> None:
    """The store is closed while the interpreter ends, and what it then logs cannot be delivered."""
    code = """
import shutil, sys, agentmem
store = agentmem.open(sys.argv[1] + "/memory.db", durability="normal")
store.add_many(f"note {n}" for n in range(9000))
shutil.rmtree(sys.argv[1])
"""
    folder = tmp_path / "gone"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
