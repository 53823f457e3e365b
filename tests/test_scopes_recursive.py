"""Every scope in use, in pages."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st

from agentmem import InvalidFilterError, MemoryStore

SCOPES = ["/", "/a", "/a/b/c", "/ab", "/a-b", "/a0", "/b/x", "/ü/x"]


@pytest.fixture
def filled(quick: MemoryStore) -> MemoryStore:
    quick.add_many({"content": "x", "scope": scope} for scope in SCOPES)
    return quick


def test_every_scope_in_use(filled: MemoryStore) -> None:
    """Those that hold records themselves, the parent too, sorted; "/a/b" only leads to one."""
    assert filled.scopes(recursive=True) == sorted(SCOPES, key=str.encode)
    assert filled.scopes("/a", recursive=True) == ["/a", "/a/b/c"]
    assert filled.scopes("/a/b", recursive=True) == ["/a/b/c"]
    assert filled.scopes("/b", recursive=True) == ["/b/x"]
    assert filled.scopes("/none", recursive=True) == []
    filled.add("secret", scope="/secret", private=True, source="me")
    assert "/secret" not in filled.scopes(recursive=True)
    assert "/secret" in filled.scopes(recursive=True, source="me")
    assert "/secret" in filled.scopes(recursive=True, include_private=True)
    filled.delete(scope="/ab")
    assert "/ab" not in filled.scopes(recursive=True)


def test_children_are_as_before(filled: MemoryStore) -> None:
    assert filled.scopes() == filled.scopes("/", recursive=False) == ["/a", "/a-b", "/a0", "/ab", "/b", "/ü"]
    assert filled.scopes("/a") == ["/a/b"]


@hypothesis.settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@hypothesis.given(
    parent=st.sampled_from([*SCOPES, "/a/b", "/none"]),
    recursive=st.booleans(),
    after=st.none() | st.sampled_from([*SCOPES, "/a/b", "/zzz"]),
    limit=st.none() | st.integers(0, 9),
)
def test_any_page(
    filled: MemoryStore, parent: str, recursive: bool, after: str | None, limit: int | None
) -> None:
    """A page is a cut of the whole list: what sorts behind `after`, at most `limit` of it."""
    whole = filled.scopes(parent, recursive=recursive)
    expected = [scope for scope in whole if after is None or scope.encode() > after.encode()][:limit]
    assert filled.scopes(parent, recursive=recursive, after=after, limit=limit) == expected


def test_thousands_in_pages(quick: MemoryStore) -> None:
    quick.add_many({"content": "x", "scope": f"/user/{n:05}/notes"} for n in range(3000))
    seen: list[str] = []
    while page := quick.scopes("/user", recursive=True, after=seen[-1] if seen else None, limit=700):
        seen += page
    assert seen == [f"/user/{n:05}/notes" for n in range(3000)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"parent": "/.."},
        {"recursive": 1},
        {"recursive": "yes"},
        {"after": 5},
        {"after": "/../x"},
        {"limit": -1},
        {"limit": "1"},
        {"limit": True},
        {"limit": 1.5},
    ],
    ids=str,
)
def test_bad_input(filled: MemoryStore, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        filled.scopes(**({"recursive": True} | arguments))
