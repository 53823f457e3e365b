from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

import pytest

from agentmem import DimensionMismatchError, DuplicateIdError, MemoryStore, Record, RecordNotFoundError


def test_add_returns_the_id(store: MemoryStore) -> None:
    id = store.add(
        "Alice prefers email over phone.",
        scope="/user/alice",
        metadata={"topic": "contact"},
        categories=["preference"],
        importance=0.7,
        source="agent-1",
        created_at=datetime(2024, 5, 1, tzinfo=timezone.utc),
        embedding=[1.0, 0.5],
    )
    assert uuid.UUID(id).version == 7
    record = store.get(id)
    assert record is not None
    assert record.to_dict() | {"id": "", "last_accessed": None, "updated_at": None} == {
        "id": "",
        "content": "Alice prefers email over phone.",
        "scope": "/user/alice",
        "categories": ["preference"],
        "metadata": {"topic": "contact"},
        "importance": 0.7,
        "source": "agent-1",
        "private": False,
        "created_at": datetime(2024, 5, 1, tzinfo=timezone.utc),
        "updated_at": None,
        "last_accessed": None,
        "expires_at": None,
        "embedding": [1.0, 0.5],
        "version": record.version,
    }


def test_add_under_an_id(store: MemoryStore) -> None:
    for id in ("mine", "日本語 id 🚀", "a/b c'\"", str(uuid.uuid4()), str(uuid.uuid4()).upper()):
        assert store.add("x", id=id) == id
        record = store.get(id)
        assert record is not None
        assert record.id == id
        with pytest.raises(DuplicateIdError, match="put"):
            store.add("other", id=id)
        assert store.get(id) == record


def test_uuids_in_capitals_are_other_ids(store: MemoryStore) -> None:
    id = "0198c8a4-6f1c-7d3a-9a55-0f6c2f3d1b7e"
    store.add("small", id=id)
    assert store.get(id.upper()) is None


def test_put_replaces_whole(store: MemoryStore) -> None:
    store.put("first words", id="a", categories=["old"], metadata={"k": 1})
    store.put("second thoughts", id="a")
    record = store.get("a")
    assert record is not None
    assert (record.content, record.categories, record.metadata) == ("second thoughts", (), {})
    assert store.count() == 1
    assert store.search("first words") == []
    assert len(store.search("second thoughts")) == 1


def test_add_many_takes_anything(store: MemoryStore) -> None:
    given: list[Any] = ["text", {"content": "a dict", "scope": "/x", "id": "d"}, Record("a record", id="r")]
    ids = store.add_many(given)
    assert ids[1:] == ["d", "r"]
    contents = [record.content for record in store.get_many(ids) if record is not None]
    assert contents == ["text", "a dict", "a record"]
    assert store.add_many([]) == []
    assert len(store.add_many(f"number {n}" for n in range(5))) == 5


def test_add_many_is_all_or_nothing(store: MemoryStore) -> None:
    store.add("there", id="taken")
    with pytest.raises(DuplicateIdError):
        store.add_many(["new", {"content": "clash", "id": "taken"}])
    with pytest.raises(DuplicateIdError):
        store.add_many([{"content": "one", "id": "twice"}, {"content": "two", "id": "twice"}])
    assert [record.id for record in store.list()] == ["taken"]
    assert store.search("new") == []


def test_put_many(store: MemoryStore) -> None:
    store.add("old", id="a")
    assert store.put_many([Record("new", id="a"), Record("other", id="b")]) == ["a", "b"]
    assert store.count() == 2
    assert store.search("old") == []


def test_what_was_added_is_found_at_once(store: MemoryStore) -> None:
    for number in range(50):
        id = store.add(f"memory of subject{number}x")
        assert [hit.record.id for hit in store.search(f"subject{number}x")] == [id]


def test_long_content(store: MemoryStore) -> None:
    content = "a long story with many words " * 20_000 + "needle"
    id = store.add(content)
    record = store.get(id)
    assert record is not None
    assert record.content == content
    assert store.search("needle")[0].record.id == id


def test_update(store: MemoryStore) -> None:
    id = store.add("the meeting is on Monday", metadata={"day": 1}, source="a", embedding=[1.0])
    before = store.get(id)
    after = store.update(id, content="the meeting is on Friday", metadata={"day": 5}, importance=1)
    assert before is not None
    assert (after.id, after.content, after.metadata, after.importance) == (
        id,
        "the meeting is on Friday",
        {"day": 5},
        1.0,
    )
    assert after.created_at == before.created_at
    assert after.updated_at > before.updated_at
    assert store.get(id) == after
    assert store.search("Monday") == []
    assert [hit.record for hit in store.search("Friday")] == [after]
    assert store.count(where={"day": 1}) == 0
    assert store.count(where={"day": 5}) == 1
    cleared = store.update(id, source=None, embedding=None, categories=["x"], scope="/y", private=True)
    assert (cleared.source, cleared.embedding, cleared.categories, cleared.scope, cleared.private) == (
        None,
        None,
        ("x",),
        "/y",
        True,
    )
    moved = store.update(id, created_at="2020-01-01", last_accessed=datetime(2021, 1, 1))
    assert (moved.created_at.year, moved.last_accessed.year) == (2020, 2021)


def test_update_of_nothing(store: MemoryStore) -> None:
    with pytest.raises(RecordNotFoundError) as caught:
        store.update("nobody", content="x")
    assert "nobody" in str(caught.value)
    assert isinstance(caught.value, KeyError)
    assert store.count() == 0


@pytest.mark.parametrize("changes", [{"updated_at": "2024-01-01"}, {"colour": "red"}])
def test_update_of_what_cannot_change(store: MemoryStore, changes: dict[str, Any]) -> None:
    id = store.add("x")
    with pytest.raises(ValueError, match=next(iter(changes))):
        store.update(id, **changes)


def test_touch(store: MemoryStore) -> None:
    a, b = store.add_many(["one", "two"])
    before = store.get_many([a, b])
    assert store.touch([a, "nobody"]) == 1
    assert store.touch(a) == 1
    assert store.touch([a, a, a]) == 1
    assert store.touch([]) == 0
    after = store.get_many([a, b])
    assert before[0] is not None
    assert after[0] is not None
    assert after[0].last_accessed > before[0].last_accessed
    assert after[0].updated_at == before[0].updated_at
    assert after[1] == before[1]


def test_vectors_of_one_length(store: MemoryStore) -> None:
    store.add("x", embedding=[1.0, 0.0])
    for call in (
        lambda: store.add("y", embedding=[1.0]),
        lambda: store.add_many([{"content": "a"}, {"content": "b", "embedding": [1.0, 2.0, 3.0]}]),
        lambda: store.search("x", mode="vector", vector=[1.0]),
    ):
        with pytest.raises(DimensionMismatchError, match="2"):
            call()
    assert store.count() == 1
