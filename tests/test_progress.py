"""Long operations tell how far they are, and stop when they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import agentmem
from agentmem import MemoryStore

COUNT = 30_000


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("lines") / "records.jsonl"
    with open(file, "w") as out:
        out.writelines(agentmem.Record(f"record number {n} of many").to_json() + "\n" for n in range(COUNT))
    return file


def long_operations(store: MemoryStore, lines: Path) -> dict[str, Callable[..., object]]:
    return {
        "import": lambda progress: store.import_(lines, on_conflict="skip", progress=progress),
        "export": lambda progress: store.export("out.jsonl", progress),
        "verify": store.verify,
        "rebuild": store.rebuild,
        "backup": lambda progress: store.backup("copy.db", progress),
    }


@pytest.mark.file
@pytest.mark.parametrize("operation", ["import", "export", "verify", "rebuild", "backup"])
def test_progress_and_stop(path: Path, lines: Path, operation: str) -> None:
    with agentmem.open(path, durability="normal") as store:
        if operation != "import":
            store.import_(lines)
        run = long_operations(store, lines)[operation]
        told: list[tuple[int, int]] = []

        def stop(done: int, total: int) -> None:
            told.append((done, total))
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(stop)
        assert len(told) == 1
        assert store.verify()
        told.clear()
        run(lambda done, total: told.append((done, total)))
        assert told
        assert told == sorted(told)
        assert store.count() == COUNT
        assert store.verify()


@pytest.mark.file
def test_what_a_progress_function_raises_goes_through(path: Path, lines: Path) -> None:
    with agentmem.open(path) as store, pytest.raises(ZeroDivisionError):
        store.import_(lines, progress=lambda done, total: 1 // 0)


def import_interrupted(path: Path, source: str, given: bytes, seconds: float) -> str:
    """What `agentmem import` says when Ctrl-C comes so long after it made the store."""
    command = [sys.executable, "-m", "agentmem", "import", source, "--path", str(path)]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdin
    assert running.stderr
    running.stdin.write(given)
    running.stdin.flush()
    while not path.exists():
        time.sleep(0.01)
    time.sleep(seconds)
    os.kill(running.pid, signal.SIGINT)
    code = running.wait(timeout=60)
    with running.stdin, running.stderr:
        said = running.stderr.read().decode()
    assert code == 130, said
    return said


@pytest.mark.file
@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("seconds", [0, 0.05, 0.15])
def test_ctrl_c_in_an_import(path: Path, tmp_path: Path, seconds: float) -> None:
    lines = tmp_path / "many.jsonl"
    lines.write_text(
        "".join(f'{{"content": "record number {n} of a great many"}}\n' for n in range(10 * COUNT))
    )
    said = import_interrupted(path, str(lines), b"", seconds)
    assert said.startswith("Error: stopped")
    assert said.count("\n") == 1
    with agentmem.open(path) as store:
        assert store.count() < 10 * COUNT
        assert store.verify()


@pytest.mark.file
@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_while_lines_are_awaited(path: Path) -> None:
    """All that was typed is read; the import waits for more, and is stopped at once."""
    said = import_interrupted(path, "-", b'{"content": "the only line"}\n', 0.5)
    assert said.startswith("Error: stopped after ")
    with agentmem.open(path) as store:
        assert store.verify()
