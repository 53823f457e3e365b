from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from clock import Clock
from hypothesis import settings

import agentmem

# The same commit gives the same result; `nox -s soak` looks for new cases.
settings.register_profile("repeatable", derandomize=True)
if "AGENTMEM_SOAK" not in os.environ:
    settings.load_profile("repeatable")

# A shell starts what runs in the background deaf to Ctrl-C; so would be the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test meets, or leaves, a store in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENTMEM_PATH", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[agentmem.MemoryStore]:
    """An empty store, with the index in memory and on disk. Tests of durability open their own."""
    with agentmem.open(path, index=request.param, durability="normal") as store:
        yield store


@pytest.fixture
def quick(path: Path) -> Iterator[agentmem.MemoryStore]:
    """An empty store, for what does not depend on the kind of index."""
    with agentmem.open(path, durability="normal") as store:
        yield store


@pytest.fixture
def clock() -> Iterator[Clock]:
    """This process's clock: it stands still until the test moves it."""
    clock = Clock()
    yield clock
    clock.release()
