"""A journal as a log: values in the order in which they were appended, under numbers that rise."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from clock import START, Clock

import agentmem
from agentmem import ConflictError, DuplicateIdError, InvalidFilterError, InvalidRecordError, MemoryStore


@pytest.fixture
def log(quick: MemoryStore) -> Any:
    """A handle of a journal; none of it is in the file yet."""
    return quick.journal("sessions/42")


def values(entries: list[Any]) -> list[Any]:
    return [entry.value for entry in entries]


def test_values_come_back_in_order(log: Any) -> None:
    numbers = [log.append("one"), log.append({"two": [2]}), *log.extend([b"three", None])]
    assert values(log.read()) == ["one", {"two": [2]}, b"three", None]
    assert [entry.number for entry in log.read()] == numbers == sorted(set(numbers))
    assert all(isinstance(number, int) and number > 0 for number in numbers)
    assert log.extend([]) == []


def test_what_an_entry_says(log: Any, clock: Clock) -> None:
    number = log.append("x", ttl=60)
    (entry,) = log.read()
    assert (entry.number, entry.key, entry.value) == (number, None, "x")
    assert (entry.written_at, entry.expires_at) == (START, START + timedelta(seconds=60))
    assert entry.written_at.tzinfo is timezone.utc
    log.append("y")
    assert log.read(last=1)[0].expires_at is None


def test_entries_are_immutable_and_compare_by_value(log: Any) -> None:
    log.extend(["x", "y"])
    one, again = log.read(), log.read()
    assert one == again
    assert one[0] != one[1]
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        one[0].value = "z"


def test_ways_to_read(log: Any) -> None:
    """`read()` returns all, `last` the newest, `after` what comes behind a number: oldest first, always."""
    numbers = log.extend(range(10))
    assert values(log.read()) == [*range(10)]
    assert values(log.read(last=3)) == [7, 8, 9]
    assert values(log.read(last=99)) == [*range(10)]
    assert values(log.read(limit=3)) == [0, 1, 2]
    assert values(log.read(after=numbers[3])) == [4, 5, 6, 7, 8, 9]
    assert values(log.read(after=numbers[3], limit=2)) == [4, 5]
    assert values(log.read(after=0, limit=2)) == [0, 1]
    assert log.read(after=numbers[-1]) == log.read(after=10**9) == []
    assert log.read(last=0) == log.read(limit=0) == log.read(after=numbers[0], limit=0) == []


def test_a_reader_that_follows_misses_nothing(quick: MemoryStore, log: Any) -> None:
    """Pages by number, while others write, and in spite of what is removed."""
    seen: list[int] = []
    after = 0
    for n in range(20):
        log.extend([2 * n, 2 * n + 1])
        quick.journal("another").append(n)
        for entry in log.read(after=after, limit=3):
            seen.append(entry.value)
            after = entry.number
    seen += values(log.read(after=after))
    assert seen == [*range(40)]


def test_an_empty_journal_reads_as_one_that_never_was(log: Any) -> None:
    assert log.read() == log.read(last=5) == []
    assert log.pop() is None
    assert log.clear() == log.prune(keep=5) == 0


def test_pop_takes_the_newest(log: Any) -> None:
    numbers = log.extend(["a", "b", "c"])
    popped = log.pop()
    assert (popped.number, popped.value) == (numbers[2], "c")
    assert values(log.read()) == ["a", "b"]
    assert [log.pop().value, log.pop().value, log.pop()] == ["b", "a", None]


def test_prune_keeps_the_newest(log: Any) -> None:
    log.extend(range(10))
    assert log.prune(keep=99) == 0
    assert log.prune(keep=4) == 6
    assert values(log.read()) == [6, 7, 8, 9]
    assert log.prune(keep=0) == 4
    assert log.read() == []


def test_prune_drops_what_was_written_before_a_moment(log: Any, clock: Clock) -> None:
    for n in range(4):
        log.append(n)
        clock.move(1)
    assert log.prune(before=START) == 0
    assert log.prune(before=START + timedelta(seconds=2)) == 2
    assert values(log.read()) == [2, 3]
    assert log.prune(before="2031-01-01") == 2


def test_prune_by_both_keeps_what_either_would_keep(log: Any, clock: Clock) -> None:
    """An entry goes only if it is older than the moment and not among the newest."""
    for n in range(4):
        log.append(n)
        clock.move(1)
    assert log.prune(keep=1, before=START + timedelta(seconds=2)) == 2
    assert log.prune(keep=2, before="2031-01-01") == 0
    assert values(log.read()) == [2, 3]


def test_numbers_rise_in_the_whole_store_and_are_never_reused(quick: MemoryStore, log: Any) -> None:
    """Not after pop, clear, prune, delete or expiry, and whatever journal they are in."""
    other = quick.journal("other")
    last = 0
    removals: list[Callable[[], object]] = [
        log.pop,
        log.clear,
        lambda: log.prune(keep=0),
        lambda: log.delete(numbers=[last]),
        quick.purge,
        lambda: quick.reset(journals=True),
    ]
    for remove in removals:
        for number in (log.append("x"), other.append("y"), other.put("k", "z"), log.append("x", ttl=1e-6)):
            assert number > last
            last = number
        remove()
    assert log.append("x") > last


def test_numbers_are_not_reused_after_reopening(path: Path) -> None:
    with agentmem.open(path) as store:
        number = store.journal("log").append("x")
        store.journal("log").clear()
        store.rebuild()
    with agentmem.open(path) as store:
        assert store.journal("log").append("y") > number


def test_stores_that_write_by_turns_never_give_a_number_twice(path: Path) -> None:
    with agentmem.open(path) as one, agentmem.open(path) as two:
        last = 0
        for store in [one, two, two, one, one, one, two] * 20:
            number = store.journal("log").append("x")
            assert number > last
            assert store.journal("log").pop().number == number
            last = number


def test_numbers_that_a_failed_batch_had_do_no_harm(quick: MemoryStore, log: Any) -> None:
    quick.add("there already", id="a")
    last = log.append("x")

    def fail() -> None:
        with quick.batch() as batch:
            batch.journal("sessions/42").append("never there")
            batch.add("x", id="a")

    for _ in range(100):
        with pytest.raises(DuplicateIdError):
            fail()
    for number in log.extend(range(200)):
        assert number > last
        last = number
    assert log.read(last=1)[0].number == last


def test_numbers_of_an_import_are_passed_over(quick: MemoryStore, log: Any) -> None:
    quick.journal("other").append("imported")
    quick.export("other.jsonl", journals=True)
    (line,) = map(json.loads, Path("other.jsonl").read_text("utf-8").splitlines())
    quick.reset(journals=True)
    last = log.append("x")
    quick.import_(io.BytesIO(json.dumps(line | {"number": last + 5}).encode()))
    assert min(log.extend(range(10))) > last + 5


def test_the_order_is_that_of_numbers_whatever_the_clock_does(log: Any, clock: Clock) -> None:
    log.append("first")
    clock.release()
    clock.set(START - timedelta(days=1))
    log.append("second")
    assert values(log.read()) == values(log.read(last=9)) == ["first", "second"]
    first, second = log.read()
    assert first.written_at > second.written_at
    assert log.pop().value == "second"


# Expiry


def test_what_has_expired_is_as_good_as_gone(log: Any, clock: Clock) -> None:
    stays, goes = log.append("stays"), log.append("goes", ttl=timedelta(seconds=60))
    clock.move(60)
    assert values(log.read()) == values(log.read(last=1)) == values(log.read(after=0)) == ["stays"]
    with pytest.raises(ConflictError) as caught:
        log.append("x", if_last=goes)
    assert (caught.value.expected, caught.value.found) == (goes, stays)
    assert log.prune(keep=1) == 0
    assert log.delete(numbers=[goes]) == 0
    assert log.pop().value == "stays"
    assert log.pop() is None
    log.append("x", if_last=0)


def test_a_clear_counts_only_what_was_there_to_be_seen(log: Any, clock: Clock) -> None:
    log.append("goes", ttl=60)
    log.extend([1, 2])
    clock.move(60)
    assert log.clear() == 2


def test_purge_counts_entries(quick: MemoryStore, log: Any, clock: Clock) -> None:
    log.extend(range(100), ttl=60)
    log.append("stays")
    quick.add("a record", ttl=60)
    clock.move(60)
    assert quick.purge() == 101
    assert quick.purge() == 0
    assert values(log.read()) == ["stays"]
    assert quick.verify()


# Compare-and-set


def test_if_last_is_the_newest_number(log: Any) -> None:
    """0 if there is none; keys of the map do not count."""
    log.put("key", "x")
    first = log.append("one", if_last=0)
    numbers = log.extend(["two", "three"], if_last=first)
    with pytest.raises(ConflictError) as caught:
        log.append("lost", if_last=first)
    error = caught.value
    assert (error.journal, error.key, error.expected, error.found) == (
        "sessions/42",
        None,
        first,
        numbers[-1],
    )
    with pytest.raises(ConflictError):
        log.extend(["lost", "lost"], if_last=0)
    with pytest.raises(ConflictError):
        log.clear(if_last=first)
    assert values(log.read()) == ["one", "two", "three"]
    assert log.clear(if_last=numbers[-1]) == 4
    with pytest.raises(ConflictError) as caught:
        log.append("x", if_last=first)
    assert caught.value.found == 0


RIVAL = """
import sys, agentmem
with agentmem.open(sys.argv[1], durability="normal") as store:
    log = store.journal("count")
    for _ in range(int(sys.argv[2])):
        while True:
            last = log.read(last=1)
            seen = last[0].number if last else 0
            try:
                log.append(last[0].value + 1 if last else 1, if_last=seen)
                break
            except agentmem.ConflictError as error:
                assert error.found > seen
"""


def test_two_processes_that_append_behind_what_they_saw_lose_nothing(path: Path) -> None:
    times = 500
    agentmem.open(path).close()
    command = [sys.executable, "-c", RIVAL, str(path), str(times)]
    rivals = [subprocess.Popen(command) for _ in range(2)]
    assert [rival.wait(timeout=120) for rival in rivals] == [0, 0]
    with agentmem.open(path) as store:
        assert values(store.journal("count").read()) == [*range(1, 2 * times + 1)]


def test_threads_never_pop_the_same(quick: MemoryStore, log: Any) -> None:
    log.extend(range(400))
    popped: list[Any] = []

    def work() -> None:
        while (entry := quick.journal("sessions/42").pop()) is not None:
            popped.append(entry.value)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(popped) == [*range(400)]


def test_extend_is_all_or_nothing(log: Any) -> None:
    with pytest.raises(InvalidRecordError):
        log.extend(["fine", {"not", "fine"}])
    assert log.read() == []


# Bad input

BAD: list[tuple[str, Callable[[Any], object], type[Exception] | tuple[type[Exception], ...]]] = [
    ("negative last", lambda log: log.read(last=-1), InvalidFilterError),
    ("negative limit", lambda log: log.read(limit=-1), InvalidFilterError),
    ("negative after", lambda log: log.read(after=-1), InvalidFilterError),
    ("last of another type", lambda log: log.read(last="1"), InvalidFilterError),
    ("last that is a boolean", lambda log: log.read(last=True), InvalidFilterError),
    ("limit of another type", lambda log: log.read(limit=1.5), InvalidFilterError),
    ("after of another type", lambda log: log.read(after=b"1"), InvalidFilterError),
    ("last and after", lambda log: log.read(last=1, after=1), InvalidFilterError),
    ("prune without arguments", lambda log: log.prune(), InvalidFilterError),
    ("negative keep", lambda log: log.prune(keep=-1), InvalidFilterError),
    ("keep of another type", lambda log: log.prune(keep="all"), InvalidFilterError),
    ("before of another type", lambda log: log.prune(before=5), InvalidFilterError),
    ("before that is no moment", lambda log: log.prune(before="once"), InvalidFilterError),
    ("negative if_last", lambda log: log.append(1, if_last=-1), (InvalidRecordError, InvalidFilterError)),
    (
        "if_last of another type",
        lambda log: log.append(1, if_last="1"),
        (InvalidRecordError, InvalidFilterError),
    ),
    (
        "if_last of extend",
        lambda log: log.extend([1], if_last=True),
        (InvalidRecordError, InvalidFilterError),
    ),
    ("if_last of clear", lambda log: log.clear(if_last=1.0), (InvalidRecordError, InvalidFilterError)),
    ("ttl 0", lambda log: log.append(1, ttl=0), InvalidRecordError),
    ("negative ttl", lambda log: log.append(1, ttl=-1), InvalidRecordError),
    ("infinite ttl", lambda log: log.append(1, ttl=float("inf")), InvalidRecordError),
    ("NaN ttl", lambda log: log.extend([1], ttl=float("nan")), InvalidRecordError),
    ("ttl of another type", lambda log: log.append(1, ttl="1"), InvalidRecordError),
    ("no list", lambda log: log.extend(5), InvalidRecordError),
    ("a text is no list", lambda log: log.extend("abc"), InvalidRecordError),
    ("a dict is no list", lambda log: log.extend({"a": 1}), InvalidRecordError),
]


@pytest.mark.parametrize(("call", "error"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_changes_nothing(log: Any, call: Callable[[Any], object], error: Any) -> None:
    log.extend([1, 2])
    before = log.read()
    with pytest.raises(error):
        call(log)
    assert log.read() == before
