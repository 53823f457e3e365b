"""Calls by id take a scope: a record that is neither in it nor below is not found."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import agentmem
import agentmem.aio
from agentmem import ConflictError, InvalidFilterError, MemoryStore

INSIDE = ["/a", "/a/b", "/", "a", None]
OUTSIDE = ["/a/b/c", "/ab", "/c"]


@pytest.fixture
def note(quick: MemoryStore) -> str:
    """The id of a record in /a/b, which was superseded once."""
    quick.add("one", id="note", scope="/a/b", created_at="2024-01-01")
    quick.supersede("note", "two", created_at="2024-02-01")
    return "note"


@pytest.mark.parametrize("scope", INSIDE)
def test_a_record_is_found_in_its_scope_and_in_those_above(
    quick: MemoryStore, note: str, scope: str | None
) -> None:
    record = quick.get(note, scope=scope)
    assert record is not None
    assert record.content == "two"
    assert quick.get(note, at="2024-01-15", scope=scope).content == "one"  # type: ignore[union-attr]
    assert quick.get_many([note, "none"], scope=scope) == [record, None]
    assert [version.content for version in quick.history(note, scope=scope)] == ["one", "two"]
    assert quick.touch(note, scope=scope) == 1
    assert quick.delete(note, scope=scope) == 1


@pytest.mark.parametrize("scope", OUTSIDE)
def test_a_record_is_not_found_in_other_scopes(quick: MemoryStore, note: str, scope: str) -> None:
    before = quick.get(note)
    assert before is not None
    assert quick.get(note, scope=scope) is None
    assert quick.get(note, at="2024-01-15", scope=scope) is None
    assert quick.get_many([note], scope=scope) == [None]
    assert quick.history(note, scope=scope) == []
    assert quick.touch(note, scope=scope, ttl=1) == 0
    assert quick.delete(note, scope=scope) == 0
    assert quick.get(note) == before


def test_the_current_version_decides(quick: MemoryStore, note: str) -> None:
    quick.supersede(note, "three", scope="/c")
    assert quick.history(note, scope="/a") == []
    assert quick.get(note, at="2024-01-15", scope="/a") is None
    assert [version.scope for version in quick.history(note, scope="/c")] == ["/a/b", "/a/b", "/c"]


def test_an_update_says_where_the_record_is_afterwards(quick: MemoryStore, note: str) -> None:
    assert quick.update(note, importance=0.9, scope="/a/b").scope == "/a/b"
    assert quick.update(note, scope="/c").scope == "/c"


def test_a_batch_checks_and_touches_in_a_scope(quick: MemoryStore, note: str) -> None:
    version = quick.get(note).version  # type: ignore[union-attr]
    with quick.batch() as batch:
        batch.check(note, if_version=version, scope="/a")
        batch.check(note, if_version=0, scope="/c")
        here, there = batch.touch(note, scope="/a", ttl=60), batch.touch(note, scope="/c", ttl=1)
    assert (here.value, there.value) == (1, 0)
    batch = quick.batch()
    batch.__enter__()
    batch.add("not written")
    batch.check(note, if_version=version, scope="/c")
    with pytest.raises(ConflictError) as conflict:
        batch.__exit__(None, None, None)
    assert conflict.value.at == 1  # type: ignore[attr-defined]
    assert quick.count() == 1


@pytest.mark.parametrize("scope", [7, "/a\0b", "/a//../b\0"])
def test_a_bad_scope_is_refused(quick: MemoryStore, note: str, scope: str) -> None:
    calls = [
        lambda: quick.get(note, scope=scope),
        lambda: quick.get(note, at="2024-01-15", scope=scope),
        lambda: quick.get_many([note], scope=scope),
        lambda: quick.history(note, scope=scope),
        lambda: quick.touch(note, scope=scope),
        lambda: quick.delete(note, scope=scope),
    ]
    for call in calls:
        with pytest.raises((InvalidFilterError, agentmem.InvalidRecordError)):
            call()


def test_coroutines_take_it_too(path: Path) -> None:
    async def main() -> None:
        async with agentmem.aio.open(path) as store:
            await store.add("one", id="note", scope="/a")
            assert await store.get("note", scope="/b") is None
            assert await store.get_many(["note"], scope="/b") == [None]
            assert await store.history("note", scope="/b") == []
            assert await store.touch("note", scope="/a") == 1
            async with store.batch() as batch:
                deleted = batch.delete("note", scope="/a")
            assert deleted.value == 1

    asyncio.run(main())
