"""The functions of the module work on a default store, opened at first use."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import agentmem


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    agentmem.close()
    yield
    agentmem.close()


def test_every_method_is_a_function() -> None:
    methods = {name for name in dir(agentmem.MemoryStore) if not name.startswith("_")} - {"path", "closed"}
    for name in methods - {"close"}:
        function, method = getattr(agentmem, name), getattr(agentmem.MemoryStore, name)
        parameters = list(inspect.signature(method).parameters.values())[1:]
        assert list(inspect.signature(function).parameters.values()) == parameters
        assert function.__doc__ == method.__doc__
    assert set(agentmem.__all__) <= set(dir(agentmem))


def test_opened_at_first_use(tmp_path: Path) -> None:
    assert not list(tmp_path.iterdir())
    id = agentmem.add("Alice prefers email.", scope="/user")
    assert (tmp_path / "agentmem.db").exists()
    assert agentmem.search("alice")[0].record.id == id
    assert agentmem.get(id) == agentmem.list()[0]
    assert agentmem.count(scope="/user") == 1
    assert agentmem.scopes() == ["/user"]
    assert agentmem.update(id, content="Bob").content == "Bob"
    assert agentmem.delete(id) == 1
    assert agentmem.default_store() is agentmem.default_store()


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTMEM_PATH", str(tmp_path / "elsewhere.db"))
    agentmem.add("x")
    assert agentmem.default_store().path == str(tmp_path / "elsewhere.db")


def test_opened_again_after_close() -> None:
    agentmem.add("x")
    agentmem.close()
    assert agentmem.count() == 1
