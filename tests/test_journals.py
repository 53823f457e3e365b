"""Journals as a whole: names, listing, and their place in exports, backups, `verify`, `stats` and `reset`."""

from __future__ import annotations

import io
import json
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clock import START, Clock

import agentmem
from agentmem import CorruptStoreError, InvalidFilterError, InvalidRecordError, MemoryStore

NAMES = [
    "a",
    "a/b",
    "a/",
    "ab",
    "A",
    "/a",
    "/../x",
    "a b",
    " ",
    "%",
    "_x",
    "é",
    "e\u0301",
    "\U0001f600",
    "x" * 1024,
]


def everything(store: MemoryStore) -> dict[str, Any]:
    """All entries of all journals."""
    return {name: (store.journal(name).read(), store.journal(name).items()) for name in store.journals()}


@pytest.fixture
def filled(quick: MemoryStore, clock: Clock) -> MemoryStore:
    """Two journals and a record."""
    quick.journal("log").extend(["one", b"two", {"three": [3, None, 2**70, "\ud800"]}])
    quick.journal("both").append("in the log")
    quick.journal("both").put("k", "in the map", ttl=3600)
    quick.journal("both").put("", float("inf"))
    quick.add("a record of words", id="a")
    return quick


def test_a_handle_reads_and_writes_nothing(path: Path) -> None:
    agentmem.open(path).close()
    with agentmem.open(path, read_only=True) as store:
        journal = store.journal("never/there")
        assert journal.read() == journal.items() == store.journals() == []
        with pytest.raises(agentmem.StoreReadOnlyError):
            journal.append(1)


def test_a_handle_names_its_journal(quick: MemoryStore) -> None:
    assert "sessions/42" in repr(quick.journal("sessions/42"))


def test_names_are_text_as_it_is(quick: MemoryStore) -> None:
    """Not paths, not scopes, not patterns: each is a journal of its own."""
    for name in NAMES:
        quick.journal(name).append(name)
    assert quick.journals() == sorted(NAMES, key=str.encode)
    assert {name: quick.journal(name).read()[0].value for name in NAMES} == {name: name for name in NAMES}


@pytest.mark.parametrize(
    "name",
    [5, None, b"x", True, ["x"], "", "a\0b", "\ud800", "x" * 1025, "é" * 513],
    ids=lambda n: ascii(n)[:20],
)
def test_bad_names_are_refused_at_once(quick: MemoryStore, name: Any) -> None:
    with pytest.raises(InvalidRecordError, match=r"journal|name"):
        quick.journal(name)


def test_the_list_shows_those_with_entries(quick: MemoryStore, clock: Clock) -> None:
    quick.journal("log").append(1)
    quick.journal("map").put("k", 1)
    quick.journal("popped").append(1)
    quick.journal("popped").pop()
    quick.journal("deleted").put("k", 1)
    quick.journal("deleted").delete("k")
    quick.journal("expiring").append(1, ttl=60)
    assert quick.journals() == ["expiring", "log", "map"]
    clock.move(60)
    assert quick.journals() == ["log", "map"]
    quick.purge()
    assert quick.journals() == ["log", "map"]


def test_pages_of_names(quick: MemoryStore) -> None:
    """A prefix matches characters: "sessions/4" holds "sessions/42", "sessions/4/" does not."""
    names = ["sessions/4", "sessions/4/x", "sessions/42", "sessions/5"]
    for name in [*names, "other"]:
        quick.journal(name).append(1)
    assert quick.journals("sessions/") == quick.journals(prefix="sessions/") == names
    assert quick.journals("sessions/4") == names[:3]
    assert quick.journals("sessions/4/") == ["sessions/4/x"]
    assert quick.journals("sessions/", limit=2) == names[:2]
    assert quick.journals("sessions/", after=names[1], limit=2) == names[2:]
    assert quick.journals(after="p", limit=1) == names[:1]
    assert quick.journals("s%") == quick.journals(limit=0) == quick.journals("x" * 5000) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"prefix": 5},
        {"prefix": None},
        {"after": 5},
        {"limit": -1},
        {"limit": "1"},
        {"limit": True},
        {"limit": 1.5},
    ],
    ids=str,
)
def test_bad_pages(quick: MemoryStore, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        quick.journals(**arguments)


def test_thousands_of_journals(quick: MemoryStore) -> None:
    with quick.batch() as batch:
        for n in range(3000):
            batch.journal(f"sessions/{n:04}").extend([n, n + 1])
    assert len(quick.journals()) == 3000
    assert [entry.value for entry in quick.journal("sessions/1234").read()] == [1234, 1235]
    assert quick.journals("sessions/29", after="sessions/2998") == ["sessions/2999"]


def test_entries_are_no_memories(store: MemoryStore) -> None:
    """Never analyzed, searched, listed or counted; they have no source and no privacy."""
    store.add("a record", id="a")
    before = store.changes(limit=0).cursor
    store.journal("records").append("a record of words")
    store.journal("records").put("a", {"content": "a record of words", "private": True})
    for mode in ("hybrid", "bm25", "tfidf"):
        assert [hit.record.id for hit in store.search("record words", mode=mode)] == ["a"]
    assert store.count() == len(store.list()) == store.stats().records == store.scope_info("/").records == 1
    assert store.scopes() == []
    assert store.changes(before).items == []
    assert store.export(io.BytesIO()) == 1
    assert store.verify()


@pytest.mark.file
def test_others_see_them_at_once(quick: MemoryStore) -> None:
    with agentmem.open(quick.path) as other, agentmem.open(quick.path, index="disk") as disk:
        for n, writer in enumerate([quick, other, disk] * 3):
            writer.journal("log").append(n)
            for reader in (quick, other, disk):
                assert reader.journal("log").read(last=1)[0].value == n


def test_a_handle_may_be_used_by_many_threads(quick: MemoryStore) -> None:
    log = quick.journal("log")
    threads = [threading.Thread(target=lambda: [log.append(n) for n in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = log.read()
    assert len(entries) == 400
    assert len({entry.number for entry in entries}) == 400


def test_a_closed_store_has_no_journals(quick: MemoryStore) -> None:
    log = quick.journal("log")
    quick.close()
    for call in (lambda: log.append(1), log.read, quick.journals):
        with pytest.raises(agentmem.StoreClosedError):
            call()


def test_the_default_store_has_them(tmp_path: Path) -> None:
    agentmem.close()
    try:
        agentmem.journal("log").append(1)
        assert agentmem.journals() == ["log"]
        with agentmem.batch() as batch:
            batch.journal("log").append(2)
        assert [entry.value for entry in agentmem.journal("log").read()] == [1, 2]
    finally:
        agentmem.close()


def test_a_conflict_keeps_its_names_through_pickle(quick: MemoryStore) -> None:
    with pytest.raises(agentmem.ConflictError) as caught:
        quick.journal("log").put("k", 1, if_number=7)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.journal, again.key, again.expected, again.found) == ("log", "k", 7, 0)


# Reset


def test_reset_spares_journals_unless_told(filled: MemoryStore) -> None:
    before = everything(filled)
    filled.reset()
    filled.reset("/")
    assert everything(filled) == before
    number = filled.journal("log").append("x")
    filled.reset(journals=True)
    assert filled.journals() == []
    assert filled.journal("log").append("y") > number


def test_reset_of_a_scope_and_of_journals_do_not_go_together(filled: MemoryStore) -> None:
    """Journals are in no scope."""
    with pytest.raises(InvalidFilterError, match="journals"):
        filled.reset("/a", journals=True)
    assert filled.journals() == ["both", "log"]
    assert filled.count() == 1


# Export, import, backup


def test_there_and_back(filled: MemoryStore, tmp_path: Path) -> None:
    """With their numbers, their times and their order; new numbers are higher."""
    filled.export("all.jsonl", journals=True)
    with agentmem.open(tmp_path / "other.db") as other:
        other.journal("earlier").append(0)
        other.journal("earlier").clear()
        other.import_("all.jsonl")
        assert everything(other) == everything(filled)
        assert [entry.number for entry in other.journal("log").read()] == [
            entry.number for entry in filled.journal("log").read()
        ]
        assert other.journal("log").append(1) > max(
            entry.number for entries in everything(filled).values() for part in entries for entry in part
        )
        assert other.count() == 1
        assert other.verify()


def test_an_import_that_is_run_again_doubles_nothing(filled: MemoryStore, tmp_path: Path) -> None:
    filled.export("all.jsonl", journals=True)
    with agentmem.open(tmp_path / "other.db") as other:
        other.import_("all.jsonl")
        before = everything(other)
        again = other.import_("all.jsonl", on_conflict="skip")
        assert again.written == 0
        assert everything(other) == before
        other.journal("log").delete(numbers=[other.journal("log").read()[0].number])
        other.import_("all.jsonl", on_conflict="skip")
        assert everything(other) == before


def test_an_entry_whose_number_is_in_use_is_not_imported(filled: MemoryStore, tmp_path: Path) -> None:
    """The error says what to do, and what is there stays."""
    filled.export("all.jsonl", journals=True)
    with agentmem.open(tmp_path / "other.db") as other:
        numbers = other.journal("rival").extend(range(100))
        with pytest.raises(InvalidRecordError, match=r"cannot keep its number.*import into an empty store"):
            other.import_("all.jsonl", on_conflict="skip")
        assert other.journals() == ["rival"]
        assert [entry.number for entry in other.journal("rival").read()] == numbers
        assert other.verify()


def test_half_an_import_goes_on(filled: MemoryStore, tmp_path: Path) -> None:
    """Stopped in the middle of a journal, it is run again with "skip"."""
    filled.export("all.jsonl", journals=True)
    lines = Path("all.jsonl").read_bytes().splitlines(keepends=True)
    for stop in range(len(lines)):
        with agentmem.open(tmp_path / f"{stop}.db", durability="normal") as other:
            other.import_(io.BytesIO(b"".join(lines[:stop])))
            other.import_("all.jsonl", on_conflict="skip")
            assert everything(other) == everything(filled)


def test_expired_entries_are_not_imported(filled: MemoryStore, clock: Clock, tmp_path: Path) -> None:
    filled.export("all.jsonl", journals=True)
    clock.move(3600)
    with agentmem.open(tmp_path / "other.db") as other:
        imported = other.import_("all.jsonl")
        assert imported.skipped == 1
        assert other.journal("both").keys() == [""]


def test_an_export_leaves_journals_out_unless_told(filled: MemoryStore) -> None:
    """Then every line is a record that older versions read."""
    filled.export("out.jsonl")
    (line,) = Path("out.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == "a"
    filled.export("out.jsonl", journals=True)
    for line in Path("out.jsonl").read_text("utf-8").splitlines():
        assert isinstance(json.loads(line), dict)


@pytest.mark.file
def test_a_backup_has_everything(filled: MemoryStore) -> None:
    filled.backup("copy.db")
    with agentmem.open("copy.db") as copy:
        assert everything(copy) == everything(filled)
        assert copy.verify()


def test_rebuild_leaves_journals_alone(filled: MemoryStore) -> None:
    before = everything(filled)
    filled.rebuild()
    assert everything(filled) == before
    assert filled.verify()


def test_stats_count_them(filled: MemoryStore, clock: Clock) -> None:
    stats = filled.stats()
    assert (stats.journals, stats.entries) == (2, 6)
    clock.move(3600)
    assert filled.stats().entries == 5


# Damage


MARK = "unmistakable"


def flip(path: Path, mark: bytes) -> None:
    """Flip one bit of a value, wherever it lies in the file."""
    data = bytearray(path.read_bytes())
    at = data.index(mark)
    data[at + 3] ^= 1
    path.write_bytes(data)


@pytest.fixture
def damaged(path: Path) -> tuple[Path, int]:
    """The second of three entries is damaged, and so is a key of the map."""
    with agentmem.open(path) as store:
        numbers = store.journal("log").extend(["first", f"{MARK} value", "third"])
        store.journal("map").put("a", 1)
        store.journal("map").put("b", f"{MARK[::-1]} value")
        store.add("a record", id="a")
    flip(path, MARK.encode())
    flip(path, MARK[::-1].encode())
    return path, numbers[1]


@pytest.mark.file
def test_a_damaged_entry_is_named_by_its_number(damaged: tuple[Path, int]) -> None:
    path, number = damaged
    with agentmem.open(path) as store:
        log, states = store.journal("log"), store.journal("map")
        for read in (log.read, lambda: log.read(last=2), lambda: log.read(after=0)):
            with pytest.raises(CorruptStoreError, match=rf"\b{number}\b"):
                read()
        for read in (lambda: states.get("b"), states.items, lambda: states.get_many(["a", "b"])):
            with pytest.raises(CorruptStoreError):
                read()
        assert [entry.value for entry in log.read(last=1)] == ["third"]
        assert states.get("a") == 1
        assert store.count() == len(store.search("record")) == 1


@pytest.mark.file
def test_the_others_are_read_and_the_damaged_one_removed(damaged: tuple[Path, int]) -> None:
    path, number = damaged
    with agentmem.open(path) as store:
        log, states = store.journal("log"), store.journal("map")
        assert [entry.value for entry in log.read(skip_damaged=True)] == ["first", "third"]
        report = store.verify()
        assert not report
        assert str(number) in str(report.problems)
        assert log.delete(numbers=[number]) == 1
        assert [entry.value for entry in log.read()] == ["first", "third"]
        assert states.delete("b") == 1
        assert [entry.key for entry in states.items()] == ["a"]
        assert store.verify()


@pytest.mark.file
def test_a_damaged_entry_is_not_popped_and_not_lost(damaged: tuple[Path, int]) -> None:
    """It is damaged, which is to be said; neither it nor another entry is removed in passing."""
    path, number = damaged
    with agentmem.open(path) as store:
        log = store.journal("log")
        assert log.pop().value == "third"
        with pytest.raises(CorruptStoreError, match=rf"\b{number}\b"):
            log.pop()
        assert [entry.value for entry in log.read(skip_damaged=True)] == ["first"]
        assert log.append("fourth") > number
        assert log.delete(numbers=[number]) == 1
        assert [entry.value for entry in log.read()] == ["first", "fourth"]


@pytest.mark.file
def test_an_export_names_it_too(damaged: tuple[Path, int], tmp_path: Path) -> None:
    path, _number = damaged
    with agentmem.open(path) as store:
        with pytest.raises(CorruptStoreError):
            store.export("all.jsonl", journals=True)
        store.export("all.jsonl", journals=True, skip_damaged=True)
        store.export("records.jsonl")
    with agentmem.open(tmp_path / "other.db") as other:
        other.import_("all.jsonl")
        assert [entry.value for entry in other.journal("log").read()] == ["first", "third"]
        assert other.count() == 1


@pytest.mark.parametrize("wrong", [0, 1, "yes", None], ids=repr)
def test_skip_damaged_is_a_boolean(quick: MemoryStore, wrong: Any) -> None:
    with pytest.raises((InvalidFilterError, TypeError)):
        quick.journal("log").read(skip_damaged=wrong)


@pytest.mark.parametrize(
    "line",
    [
        b'{"journal": "log"}',
        b'{"journal": 5, "number": 1, "value": 1}',
        b'{"journal": "", "number": 1, "value": 1}',
        b'{"journal": "log", "number": -1, "value": 1}',
        b'{"journal": "log", "number": "1", "value": 1}',
    ],
)
def test_bad_lines_of_an_import_are_named(quick: MemoryStore, line: bytes) -> None:
    with pytest.raises(InvalidRecordError, match="line 2"):
        quick.import_(io.BytesIO(b'{"content": "fine"}\n' + line + b"\n"))
    assert quick.count() == 0
    assert quick.journals() == []


def test_removing_all_entries_leaves_nothing_to_start_from(filled: MemoryStore) -> None:
    """A name that was emptied behaves as one that never was."""
    calls: list[Callable[[], object]] = [
        filled.journal("log").clear,
        lambda: filled.journal("both").delete(["k", ""]),
        filled.journal("both").pop,
    ]
    for call in calls:
        call()
    assert filled.journals() == []
    assert filled.stats().entries == 0
    assert filled.journal("log").append("x", if_last=0) > 0
    assert filled.verify()


def test_times_are_those_of_the_writing(filled: MemoryStore, clock: Clock, tmp_path: Path) -> None:
    filled.export("all.jsonl", journals=True)
    clock.move(60)
    with agentmem.open(tmp_path / "other.db") as other:
        other.import_("all.jsonl")
        assert {entry.written_at for entry in other.journal("log").read()} == {START}
