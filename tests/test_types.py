"""Type hints can be read while a program runs, as pydantic, FastAPI and agent frameworks do."""

from __future__ import annotations

import array
import builtins
import dataclasses
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

import agentmem
import agentmem.aio
import agentmem.types
from agentmem import MemoryStore


def public_functions() -> Iterator[tuple[str, Any]]:
    """Every public function, and every method of a public class, special methods included."""
    for module in (agentmem, agentmem.aio, agentmem.types):
        for name, value in vars(module).items():
            if name.startswith("_") or not getattr(value, "__module__", "").startswith("agentmem"):
                continue
            if inspect.isclass(value):
                for attribute, member in inspect.getmembers(value):
                    member = member.fget if isinstance(member, property) else member
                    if inspect.isfunction(member):
                        yield f"{module.__name__}.{name}.{attribute}", member
            elif inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hints_of_every_public_function_resolve(name: str) -> None:
    hints = typing.get_type_hints(FUNCTIONS[name])
    annotated = {
        parameter.name
        for parameter in inspect.signature(FUNCTIONS[name]).parameters.values()
        if parameter.annotation is not parameter.empty
    }
    assert annotated <= hints.keys()


def test_there_are_functions() -> None:
    names = {
        "agentmem.search",
        "agentmem.open",
        "agentmem.MemoryStore.search",
        "agentmem.aio.AsyncMemoryStore.add",
    }
    assert names <= FUNCTIONS.keys()
    assert len(FUNCTIONS) > 100


@pytest.mark.parametrize(
    "name", [name for name in agentmem.types.__all__ if inspect.isclass(getattr(agentmem.types, name))]
)
def test_hints_of_every_public_type_resolve(name: str) -> None:
    kind = getattr(agentmem.types, name)
    hints = typing.get_type_hints(kind)
    if dataclasses.is_dataclass(kind):
        assert hints.keys() == {field.name for field in dataclasses.fields(kind)}


def test_pydantic_can_check_the_arguments_of_a_search() -> None:
    agentmem.add("Alice prefers email.", scope="/user")
    try:
        search = pydantic.validate_call(agentmem.search)
        assert [hit.record.content for hit in search("alice", limit="3", scope="/user")] == [
            "Alice prefers email."
        ]
        for wrong in ({"limit": "many"}, {"mode": "magic"}, {"where": 5}, {"colour": "red"}):
            with pytest.raises(pydantic.ValidationError):
                search("alice", **wrong)
    finally:
        agentmem.close()


class Array:
    """What numpy's arrays have in common with others: no Sequence, but numbers that can be taken as bytes."""

    ndim = 1

    def __init__(self, *numbers: float) -> None:
        self.numbers = array.array("f", numbers)

    def astype(self, dtype: str) -> Array:
        return self

    def tobytes(self) -> bytes:
        return self.numbers.tobytes()


def test_arrays_are_vectors(store: MemoryStore) -> None:
    store.add("x", embedding=Array(1.0, 0.5))
    search = pydantic.validate_call(store.search)
    (hit,) = search("", mode="vector", vector=Array(1.0, 0.5))
    assert hit.record.embedding == (1.0, 0.5)
    with pytest.raises(pydantic.ValidationError):
        search("", mode="vector", vector=5)


def test_a_star_import_replaces_no_builtin() -> None:
    names: dict[str, Any] = {}
    exec("from agentmem import *", names)
    assert names["search"] is agentmem.search
    assert not (names.keys() - {"__builtins__"}) & set(dir(builtins))


def test_aio_needs_no_import_of_its_own() -> None:
    code = "import sys, agentmem; assert 'asyncio' not in sys.modules; print(agentmem.aio.open.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("open\n", "")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        agentmem.nonsense()  # type: ignore[attr-defined]
