"""Versions and compare-and-set: a write that names a version never overwrites what it has not seen."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentmem
from agentmem import ConflictError, InvalidFilterError, InvalidRecordError, MemoryStore, Record


def version(store: MemoryStore, id: str = "a") -> int:
    record = store.get(id, include_private=True)
    assert record is not None
    assert isinstance(record.version, int)
    return record.version


def test_every_write_of_a_record_raises_its_version_in_the_whole_store(quick: MemoryStore) -> None:
    writes: list[Callable[[], object]] = [
        lambda: quick.add("one", id="a"),
        lambda: quick.add("two", id="b"),
        lambda: quick.put("three", id="a"),
        lambda: quick.update("b", importance=0.1),
        lambda: quick.supersede("a", "four"),
        lambda: quick.add_many([{"content": "five", "id": "a2"}, {"content": "six", "id": "b2"}]),
    ]
    seen = [0]
    for write in writes:
        write()
        new = sorted(record.version for record in quick.list() if record.version > seen[-1])
        assert new
        seen += new
    assert seen == sorted(set(seen))


def test_update_and_supersede_return_the_new_version(quick: MemoryStore) -> None:
    quick.add("x", id="a")
    assert quick.update("a", content="y").version == version(quick)
    assert quick.supersede("a", "z").version == version(quick)


def test_a_touch_changes_no_version(quick: MemoryStore) -> None:
    quick.add("x", id="a")
    before = version(quick)
    quick.touch("a")
    quick.touch("a", ttl=60)
    assert version(quick) == before


def test_every_read_gives_the_same_version(store: MemoryStore) -> None:
    store.add("apple", id="a", embedding=[1.0])
    expected = version(store)
    found = [
        store.get_many(["a"])[0],
        *store.list(),
        *(hit.record for mode in ("hybrid", "bm25", "tfidf") for hit in store.search("apple", mode=mode)),
        *(hit.record for hit in store.search("", mode="vector", vector=[1.0])),
    ]
    assert [record and record.version for record in found] == [expected] * 6


@pytest.mark.parametrize("removed", ["delete", "reset", "put", "expiry"])
def test_no_version_is_used_twice(quick: MemoryStore, removed: str) -> None:
    quick.add("x", id="a")
    before = version(quick)
    {
        "delete": lambda: quick.delete("a"),
        "reset": lambda: quick.reset(),
        "put": lambda: quick.put("again", id="a"),
        "expiry": lambda: quick.update("a", expires_at="2000-01-01") and quick.purge(),
    }[removed]()
    quick.put("x", id="a")
    assert version(quick) > before


def test_no_version_is_used_twice_after_reopening_and_rebuilding(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("x", id="a")
        before = version(store)
        store.delete("a")
    with agentmem.open(path) as store:
        store.rebuild()
        store.add("x", id="a")
        assert version(store) > before
        kept = version(store)
        store.rebuild()
        assert version(store) == kept


@pytest.mark.file
def test_a_restored_backup_continues_from_its_own_numbers(quick: MemoryStore, tmp_path: Path) -> None:
    quick.add("x", id="a")
    quick.backup(tmp_path / "copy.db")
    quick.update("a", content="later")
    with agentmem.open(tmp_path / "copy.db") as copy:
        kept = version(copy)
        assert kept < version(quick)
        assert copy.update("a", content="elsewhere", if_version=kept).version > kept


def test_a_record_that_no_store_gave_has_no_version(quick: MemoryStore) -> None:
    """A copy by `replace`, a dict or JSON was not read from a store either."""
    quick.add("x", id="a")
    (record,) = quick.list()
    assert Record("x").version is None
    assert record.replace(content="y").version is None
    assert Record.from_json(record.to_json()).version is None
    assert Record.from_dict(record.to_dict()).version is None


def test_a_pickled_record_keeps_its_version(quick: MemoryStore) -> None:
    """Another process can compare and set with it."""
    quick.add("x", id="a")
    (record,) = quick.list()
    assert pickle.loads(pickle.dumps(record)).version == record.version


def test_where_a_version_is_shown(quick: MemoryStore) -> None:
    """In `to_dict`, but not in `==`, JSON or exports."""
    quick.add("x", id="a")
    (record,) = quick.list()
    assert record.to_dict()["version"] == record.version
    assert Record("x").to_dict()["version"] is None
    again = Record.from_json(record.to_json())
    assert again == record
    assert hash(again) == hash(record)
    assert "version" not in record.to_json()
    quick.export("out.jsonl")
    assert "version" not in Path("out.jsonl").read_text()


def test_no_write_accepts_a_version(quick: MemoryStore) -> None:
    quick.add("x", id="a")
    for write in (quick.add, quick.put):
        with pytest.raises(TypeError, match="version"):
            write("y", version=7)  # type: ignore[call-arg]
    for write in (
        lambda: quick.add_many([{"content": "y", "version": 7}]),
        lambda: quick.put_many([{"content": "y", "version": 7}]),
        lambda: quick.update("a", version=7),
        lambda: quick.supersede("a", "y", version=7),
    ):
        with pytest.raises((InvalidRecordError, TypeError), match="version"):
            write()
    assert [record.content for record in quick.list()] == ["x"]


def test_a_record_that_was_read_can_be_written_and_gets_a_version_of_its_own(quick: MemoryStore) -> None:
    quick.add("x", id="a")
    (record,) = quick.list()
    quick.put_many([record])
    assert version(quick) > record.version


# Compare-and-set

CALLS: dict[str, Callable[[MemoryStore, int], object]] = {
    "update": lambda store, expected: store.update("a", content="new", if_version=expected),
    "put": lambda store, expected: store.put("new", id="a", if_version=expected),
    "delete": lambda store, expected: store.delete("a", if_version=expected),
    "supersede": lambda store, expected: store.supersede("a", "new", if_version=expected),
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Callable[[MemoryStore, int], object]:
    """Each write that accepts `if_version`."""
    return CALLS[request.param]


def test_the_version_that_was_seen_is_written(
    quick: MemoryStore, call: Callable[[MemoryStore, int], object]
) -> None:
    quick.add("old", id="a")
    call(quick, version(quick))
    assert [record.content for record in quick.list()] in (["new"], [])


def test_another_version_is_a_conflict_and_writes_nothing(
    quick: MemoryStore, call: Callable[[MemoryStore, int], object]
) -> None:
    quick.add("old", id="a")
    seen = version(quick)
    now = quick.update("a", content="by another").version
    with pytest.raises(ConflictError) as caught:
        call(quick, seen)
    assert (caught.value.id, caught.value.expected, caught.value.found) == ("a", seen, now)
    assert not isinstance(caught.value, RuntimeError)
    assert str(seen) in str(caught.value)
    assert [(record.content, record.version) for record in quick.list()] == [("by another", now)]


@pytest.mark.parametrize("gone", ["never there", "deleted", "expired"])
def test_a_record_that_is_gone_is_a_conflict(
    quick: MemoryStore, call: Callable[[MemoryStore, int], object], gone: str
) -> None:
    """Not a RecordNotFoundError, and not a silent 0."""
    seen = 1
    if gone != "never there":
        quick.add("old", id="a")
        seen = version(quick)
    if gone == "deleted":
        quick.delete("a")
    if gone == "expired":
        quick.touch("a", expires_at="2000-01-01")
    with pytest.raises(ConflictError) as caught:
        call(quick, seen)
    assert (caught.value.id, caught.value.expected, caught.value.found) == ("a", seen, 0)
    assert quick.count() == 0


def test_zero_requires_that_the_id_is_not_in_use(quick: MemoryStore) -> None:
    quick.put("first", id="a", if_version=0)
    with pytest.raises(ConflictError) as caught:
        quick.put("second", id="a", if_version=0)
    assert (caught.value.expected, caught.value.found) == (0, version(quick))
    assert [record.content for record in quick.list()] == ["first"]


def test_without_if_version_the_last_writer_wins(quick: MemoryStore) -> None:
    quick.add("x", id="a")
    quick.update("a", content="one")
    quick.update("a", content="two", if_version=None)
    quick.put("three", id="a", if_version=None)
    assert quick.delete("a", if_version=None) == 1


def test_whoever_knows_the_id_may_compare_private_records_too(quick: MemoryStore) -> None:
    quick.add("secret", id="a", private=True, source="me")
    assert quick.update("a", content="still", if_version=version(quick)).private
    assert quick.delete("a", if_version=version(quick)) == 1


@pytest.mark.parametrize("wrong", [-1, -(2**70), True, 1.0, "1", b"1", [1]], ids=repr)
def test_bad_versions(quick: MemoryStore, call: Callable[[MemoryStore, int], object], wrong: Any) -> None:
    quick.add("old", id="a")
    before = quick.list()
    with pytest.raises((InvalidRecordError, InvalidFilterError), match="if_version"):
        call(quick, wrong)
    assert quick.list() == before


@pytest.mark.parametrize(
    ("ids", "filters"),
    [
        (None, {}),
        (None, {"scope": "/"}),
        ("a", {"scope": "/"}),
        (["a", "b"], {}),
        ([], {}),
        ("a", {"source": "me"}),
    ],
    ids=str,
)
def test_delete_compares_one_id_and_no_filters(quick: MemoryStore, ids: Any, filters: dict[str, Any]) -> None:
    quick.add("old", id="a")
    with pytest.raises(InvalidFilterError, match="if_version"):
        quick.delete(ids, if_version=version(quick), **filters)
    assert quick.count() == 1


def test_a_conflict_is_told_through_every_pickle(quick: MemoryStore) -> None:
    """A process pool hands errors on."""
    quick.add("x", id="a")
    with pytest.raises(ConflictError) as caught:
        quick.delete("a", if_version=9**9)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.id, again.expected, again.found) == ("a", 9**9, version(quick))


COUNTER = """
import sys, agentmem
with agentmem.open(sys.argv[1], durability="normal") as store:
    conflicts = 0
    for turn in range(int(sys.argv[2])):
        while True:
            seen = store.get("counter")
            n = seen.metadata["n"] + 1
            try:
                if turn % 2:
                    store.update("counter", metadata={"n": n}, if_version=seen.version)
                else:
                    store.put("counter", id="counter", metadata={"n": n}, if_version=seen.version)
                break
            except agentmem.ConflictError:
                conflicts += 1
    print(conflicts)
"""


@pytest.mark.file
def test_two_processes_count_without_losing_one(path: Path) -> None:
    """Each reads, adds one, and writes if nobody else has written; else it tries again."""
    times = 2000
    with agentmem.open(path, durability="normal") as store:
        store.add("counter", id="counter", metadata={"n": 0})
        command = [sys.executable, "-c", COUNTER, str(path), str(times)]
        rivals = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = [rival.communicate(timeout=120)[0] for rival in rivals]
        assert [rival.returncode for rival in rivals] == [0, 0]
        assert sum(map(int, said)) > 0, "they never met"
        assert [record.metadata for record in store.list()] == [{"n": 2 * times}]
        assert store.verify()
