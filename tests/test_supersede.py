"""Facts that change: `supersede` keeps what was true before, `update` corrects a mistake."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from clock import START, Clock

import agentmem
from agentmem import InvalidFilterError, InvalidRecordError, MemoryStore, Record

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def contents(records: list[Record]) -> list[str]:
    return [record.content for record in records]


@pytest.fixture
def moved(store: MemoryStore, clock: Clock) -> MemoryStore:
    """Alice lived in Paris, then in Rome from START + 1 day, then in Oslo from START + 2 days."""
    store.add(
        "Alice lives in Paris",
        id="home",
        scope="/alice",
        categories=["home"],
        metadata={"sure": True},
        importance=0.9,
        created_at=START,
        embedding=[1.0, 2.0],
    )
    for city in ("Rome", "Oslo"):
        clock.move(86400)
        store.supersede("home", f"Alice lives in {city}")
    return store


def test_the_record_keeps_its_id_and_its_fields(store: MemoryStore, clock: Clock) -> None:
    store.add(
        "old",
        id="a",
        scope="/s",
        categories=["c"],
        metadata={"k": [1]},
        importance=0.9,
        source="me",
        private=True,
        created_at=START - DAY,
        embedding=[1.0],
        ttl=60,
    )
    old = store.get("a", source="me")
    assert old is not None
    new = store.supersede("a", "new")
    assert new == store.get("a", source="me")
    assert (new.id, new.content, new.scope, new.categories) == ("a", "new", "/s", ("c",))
    assert (new.metadata, new.importance, new.source, new.private) == ({"k": [1]}, 0.9, "me", True)
    assert (new.created_at, new.updated_at, new.expires_at, new.embedding) == (START, START, None, None)
    assert new.version > old.version


def test_fields_can_be_given(store: MemoryStore, clock: Clock) -> None:
    store.add("old", id="a", created_at=START - DAY)
    fields: dict[str, Any] = {
        "scope": "/t",
        "categories": ("x",),
        "metadata": {"n": 1},
        "importance": 0.1,
        "source": "me",
        "private": True,
        "created_at": START + DAY,
        "embedding": (1.0, 2.0),
        "expires_at": START + 2 * DAY,
    }
    new = store.supersede("a", "new", **fields)
    assert {name: getattr(new, name) for name in fields} == fields
    (old, _) = store.history("a", source="me")
    assert (old.content, old.scope, old.private) == ("old", "/", False)


def test_the_history_is_all_versions_with_the_current_last(moved: MemoryStore) -> None:
    history = moved.history("home")
    assert contents(history) == ["Alice lives in Paris", "Alice lives in Rome", "Alice lives in Oslo"]
    assert [record.id for record in history] == ["home"] * 3
    assert [record.created_at for record in history] == [START, START + DAY, START + 2 * DAY]
    assert [record.version for record in history] == sorted({record.version for record in history})
    assert history[-1] == moved.get("home")
    assert history[0].metadata == {"sure": True}
    assert history[0].importance == 0.9
    assert moved.history("nobody") == []


def test_what_was_true_at_a_moment(moved: MemoryStore) -> None:
    """created_at <= moment < superseded_at, and the intervals leave no hole."""
    expected = {
        START - INSTANT: None,
        START: "Paris",
        START + DAY - INSTANT: "Paris",
        START + DAY: "Rome",
        START + 2 * DAY - INSTANT: "Rome",
        START + 2 * DAY: "Oslo",
        START + 999 * DAY: "Oslo",
    }
    for moment, city in expected.items():
        found = moved.get("home", at=moment)
        assert (found and found.content.split()[-1]) == city, moment
    assert moved.get("home", at="2030-01-02T12:00:00Z").content == "Alice lives in Rome"  # type: ignore[union-attr]
    assert moved.get("home", at=datetime(2030, 1, 2, 12)).content == "Alice lives in Rome"  # type: ignore[union-attr]
    assert moved.get("home", at=None).content == "Alice lives in Oslo"  # type: ignore[union-attr]
    assert moved.get("nobody", at=START) is None


def test_history_is_never_searched_listed_or_counted(moved: MemoryStore) -> None:
    for mode in ("hybrid", "bm25", "tfidf"):
        assert contents([hit.record for hit in moved.search("Alice lives", mode=mode)]) == [
            "Alice lives in Oslo"
        ]
        assert moved.search("Paris", mode=mode) == []
    assert moved.search("", mode="vector", vector=[1.0, 2.0]) == []
    assert contents(moved.list()) == ["Alice lives in Oslo"]
    assert moved.list(until=START + DAY) == []
    assert moved.count() == moved.stats().records == moved.scope_info("/").records == 1
    assert moved.categories() == {"home": 1}
    assert moved.duplicates(0.1) == []
    moved.export("out.jsonl")
    assert "Paris" not in Path("out.jsonl").read_text()
    assert moved.verify()
    moved.rebuild()
    assert len(moved.history("home")) == 3
    assert moved.verify()


def test_history_counts_in_no_statistics(path: Path, tmp_path: Path) -> None:
    """A score is what it would be if the old versions had never been."""
    with agentmem.open(path) as one, agentmem.open(tmp_path / "other.db") as other:
        for store in (one, other):
            store.add_many([f"filler {n} apple" for n in range(9)])
        one.add("apple apple", id="a")
        one.supersede("a", "apple pie")
        other.add("apple pie", id="a")
        for mode in ("bm25", "tfidf"):
            scores = [
                {hit.record.content: hit.score for hit in store.search("apple pie", mode=mode)}
                for store in (one, other)
            ]
            assert scores[0] == pytest.approx(scores[1])


def test_an_update_corrects_the_current_version_only(moved: MemoryStore) -> None:
    moved.update("home", content="Alice lives in Bergen")
    assert [text.split()[-1] for text in contents(moved.history("home"))] == ["Paris", "Rome", "Bergen"]
    assert moved.get("home", at=START + 2 * DAY).content == "Alice lives in Bergen"  # type: ignore[union-attr]
    assert moved.get("home", at=START).content == "Alice lives in Paris"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "write",
    [
        lambda s: s.delete("home"),
        lambda s: s.delete(scope="/alice"),
        lambda s: s.put("Alice is gone", id="home"),
        lambda s: s.put_many([{"content": "Alice is gone", "id": "home"}]),
        lambda s: s.reset(),
        lambda s: s.reset("/alice"),
    ],
)
def test_history_goes_with_its_record(moved: MemoryStore, write: Any) -> None:
    """Erasure is complete: nothing of the old text comes back with the id, or is left to be read."""
    write(moved)
    moved.put("Alice is back", id="home", created_at=START + 5 * DAY)
    assert contents(moved.history("home")) == ["Alice is back"]
    assert moved.get("home", at=START) is None
    moved.export("out.jsonl", history=True)
    assert "Paris" not in Path("out.jsonl").read_text()
    assert moved.verify()


# The clock


def test_a_clock_that_is_behind_makes_no_hole(quick: MemoryStore, clock: Clock) -> None:
    """The new version begins one microsecond after the old one at the earliest."""
    quick.add("one", id="a", created_at=START + DAY)
    new = quick.supersede("a", "two")
    assert new.created_at == START + DAY + INSTANT
    again = quick.supersede("a", "three")
    assert again.created_at == START + DAY + 2 * INSTANT
    assert [quick.get("a", at=START + DAY + n * INSTANT).content for n in range(3)] == [  # type: ignore[union-attr]
        "one",
        "two",
        "three",
    ]


def test_an_explicit_moment_must_not_be_earlier(quick: MemoryStore, clock: Clock) -> None:
    """The same moment leaves the old version an empty interval: it stays in the history."""
    quick.add("one", id="a", created_at=START)
    with pytest.raises(InvalidRecordError, match="created_at"):
        quick.supersede("a", "two", created_at=START - INSTANT)
    assert contents(quick.history("a")) == ["one"]
    quick.supersede("a", "two", created_at=START)
    assert contents(quick.history("a")) == ["one", "two"]
    assert quick.get("a", at=START).content == "two"  # type: ignore[union-attr]


# Who may see it


def test_old_versions_are_as_private_as_they_were(quick: MemoryStore, clock: Clock) -> None:
    quick.add("public", id="a", created_at=START - 2 * DAY)
    quick.supersede("a", "mine", private=True, source="me", created_at=START - DAY)
    for viewer in ({}, {"source": "you"}):
        assert contents(quick.history("a", **viewer)) == ["public"]
        assert quick.get("a", **viewer) is None
        assert quick.get("a", at=START - DAY, **viewer) is None
        assert quick.get("a", at=START - 2 * DAY, **viewer).content == "public"  # type: ignore[union-attr]
    for viewer in ({"source": "me"}, {"include_private": True}):
        assert contents(quick.history("a", **viewer)) == ["public", "mine"]
        assert quick.get("a", at=START - DAY, **viewer).content == "mine"  # type: ignore[union-attr]
    quick.supersede("a", "public again", private=False)
    assert contents(quick.history("a")) == ["public", "public again"]


def test_an_export_of_history_leaves_out_what_is_private(quick: MemoryStore) -> None:
    quick.add("a secret", id="a", private=True, source="me")
    quick.supersede("a", "no secret", private=False)
    quick.export("out.jsonl", history=True)
    assert "a secret" not in Path("out.jsonl").read_text()
    quick.export("out.jsonl", history=True, source="me")
    assert "a secret" in Path("out.jsonl").read_text()


# Export and import


def test_history_there_and_back(moved: MemoryStore, tmp_path: Path) -> None:
    moved.export("all.jsonl", history=True)
    with agentmem.open(tmp_path / "other.db") as other:
        other.import_("all.jsonl")
        assert other.history("home") == moved.history("home")
        assert contents(other.list()) == ["Alice lives in Oslo"]
        assert other.search("Paris") == []
        for moment in (START, START + DAY, START + 2 * DAY):
            assert other.get("home", at=moment) == moved.get("home", at=moment)
        other.import_("all.jsonl", on_conflict="skip")
        assert other.history("home") == moved.history("home")
        assert other.verify()


def test_an_export_without_history_is_what_older_versions_read(moved: MemoryStore) -> None:
    moved.export("out.jsonl")
    (line,) = Path("out.jsonl").read_text().splitlines()
    assert {*json.loads(line)} <= {
        *("id", "content", "scope", "categories", "metadata", "importance", "source", "private"),
        *("created_at", "updated_at", "last_accessed", "embedding"),
    }


@pytest.mark.file
def test_a_backup_has_the_history(moved: MemoryStore) -> None:
    moved.backup("copy.db")
    with agentmem.open("copy.db") as copy:
        assert copy.history("home") == moved.history("home")


def test_a_new_text_is_embedded_anew(path: Path) -> None:
    with agentmem.open(path, embedder=lambda texts: [[float(len(text))] for text in texts]) as store:
        store.add("one", id="a")
        assert store.supersede("a", "three").embedding == (5.0,)
        assert store.history("a")[0].embedding in ((3.0,), None)
        assert store.supersede("a", "x", embedding=[9.0]).embedding == (9.0,)


# Bad input


@pytest.mark.parametrize(
    ("arguments", "fields", "message"),
    [
        (("a", 5), {}, "content"),
        (("a", None), {}, "content"),
        (("a", "x"), {"importance": 5}, "importance"),
        (("a", "x"), {"scope": "/.."}, r"\.\."),
        (("a", "x"), {"metadata": {1: 1}}, "metadata"),
        (("a", "x"), {"created_at": "once"}, "created_at"),
        (("a", "x"), {"embedding": []}, "embedding"),
        (("a", "x"), {"ttl": 0}, "ttl"),
        (("a", "x"), {"if_version": -1}, "if_version"),
        (("a", "x"), {"colour": "red"}, "colour"),
        (("a", "x"), {"id": "b"}, "id"),
        ((5, "x"), {}, "id"),
    ],
    ids=str,
)
def test_bad_input_changes_nothing(
    quick: MemoryStore, arguments: tuple[Any, Any], fields: dict[str, Any], message: str
) -> None:
    quick.add("old", id="a")
    before = quick.list()
    with pytest.raises((InvalidRecordError, InvalidFilterError, TypeError), match=message):
        quick.supersede(*arguments, **fields)
    assert quick.list() == quick.history("a") == before


def test_what_is_not_there_cannot_be_superseded(quick: MemoryStore) -> None:
    with pytest.raises(agentmem.RecordNotFoundError) as caught:
        quick.supersede("nobody", "x")
    assert caught.value.id == "nobody"


@pytest.mark.parametrize("at", [5, "once", True, timedelta(1)], ids=repr)
def test_bad_moments(quick: MemoryStore, at: Any) -> None:
    quick.add("x", id="a")
    with pytest.raises(InvalidFilterError, match="at"):
        quick.get("a", at=at)


@pytest.mark.parametrize("id", [5, None, b"a"])
def test_bad_ids(quick: MemoryStore, id: Any) -> None:
    with pytest.raises(InvalidFilterError, match="id"):
        quick.history(id)


def test_a_zone_is_no_matter(quick: MemoryStore) -> None:
    quick.add("x", id="a", created_at="2024-01-01T00:00:00Z")
    east = timezone(timedelta(hours=5))
    assert quick.get("a", at=datetime(2024, 1, 1, 5, tzinfo=east)) is not None
    assert quick.get("a", at=datetime(2024, 1, 1, 4, 59, tzinfo=east)) is None
