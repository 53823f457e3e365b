from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from clock import Clock
from hypothesis import settings
from postgres_server import Server

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="put the stores under test into PostgreSQL")


def pytest_configure(config: pytest.Config) -> None:
    postgres_server.chosen |= config.getoption("--postgres")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if postgres_server.program("initdb") is None:
        missing = pytest.mark.skip(reason="PostgreSQL's server is not installed")
        for item in items:
            if postgres_server.chosen or item.path.parent.name in ("postgres", "postgres_soak"):
                item.add_marker(missing)
    if postgres_server.chosen:
        files = [item for item in items if needs_a_file(item)]
        config.hook.pytest_deselected(items=files)
        items[:] = [item for item in items if item not in files]


def needs_a_file(item: pytest.Item) -> bool:
    """Whether a test is about files, or about the full text in them."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "disk" in parameters or item.get_closest_marker("file") is not None


@pytest.fixture(scope="session")
def server() -> Server:
    """A PostgreSQL server."""
    return postgres_server.shared()


@pytest.fixture
def url(server: Server) -> str:
    """An empty store in PostgreSQL, which is one space."""
    return server.store(space_depth=0)


@pytest.fixture
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a store may be made: in a file, or with --postgres in a database."""
    if postgres_server.chosen:
        return request.getfixturevalue("url")
    return tmp_path / "memory.db"


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, path: Path | str) -> Iterator[agentmem.MemoryStore]:
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
