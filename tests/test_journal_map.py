"""A journal as a map: the newest value of each key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from clock import START, Clock
from hypothesis import HealthCheck
from hypothesis import strategies as st

from agentmem import ConflictError, InvalidFilterError, InvalidRecordError, MemoryStore

KEYS = [
    "",
    "a",
    "a/",
    "a/b",
    "ab",
    "b",
    "B",
    "%",
    "_",
    "*",
    "\u00e9",
    "e\u0301",
    "\uffff",
    "\U0001f600",
    "a\x7f",
]


@pytest.fixture
def states(quick: MemoryStore) -> Any:
    return quick.journal("states")


def sorted_keys(keys: list[str]) -> list[str]:
    return sorted(keys, key=str.encode)


def test_the_newest_value_of_a_key(states: Any) -> None:
    first = states.put("k", 1)
    second = states.put("k", {"n": 2})
    assert first < second
    assert states.get("k") == {"n": 2}
    assert [entry.value for entry in states.items()] == [{"n": 2}]


def test_what_is_not_there_has_the_default(states: Any) -> None:
    """None is a value, and not the absence of one."""
    states.put("nothing", None)
    assert states.get("nothing", "default") is None
    assert states.get("absent") is None
    assert states.get("absent", 5) == 5
    assert states.get_many(["nothing", "absent"]).keys() == {"nothing"}


def test_what_an_entry_says(states: Any, clock: Clock) -> None:
    number = states.put("k", [1], ttl=60)
    (entry,) = states.items()
    assert (entry.number, entry.key, entry.value) == (number, "k", [1])
    assert (entry.written_at, entry.expires_at) == (START, START + timedelta(seconds=60))
    assert states.get_many(["k", "missing"]) == {"k": entry}


def test_keys_are_text_as_it_is(states: Any) -> None:
    """Not paths, not patterns, not normalized; sorted as UTF-8; an empty one too."""
    for n, key in enumerate(KEYS):
        states.put(key, n)
    assert {key: states.get(key) for key in KEYS} == {key: n for n, key in enumerate(KEYS)}
    assert states.keys() == sorted_keys(KEYS)
    assert states.keys(reverse=True) == sorted_keys(KEYS)[::-1]
    assert [entry.key for entry in states.items()] == states.keys()


@pytest.mark.parametrize("prefix", [*KEYS, "a/b/c", "zzz"], ids=ascii)
def test_a_prefix_matches_characters(states: Any, prefix: str) -> None:
    for key in KEYS:
        states.put(key, key)
    expected = sorted_keys([key for key in KEYS if key.startswith(prefix)])
    assert states.keys(prefix) == [entry.value for entry in states.items(prefix)] == expected


def test_pages_of_keys(states: Any) -> None:
    """`after` is a key, there or not; `limit` counts; `reverse` pages downwards from it."""
    names = [f"m/{n:02}" for n in range(10)]
    for name in [*names, "other"]:
        states.put(name, name)
    assert states.keys("m/", limit=3) == names[:3]
    assert states.keys("m/", after="m/02", limit=3) == names[3:6]
    assert states.keys("m/", after="m/025", limit=1) == ["m/03"]
    assert states.keys("m/", reverse=True, limit=1) == ["m/09"]
    assert states.keys("m/", reverse=True, after="m/02") == ["m/01", "m/00"]
    assert states.keys("m/", after="m/09") == states.keys(limit=0) == states.items(limit=0) == []
    assert states.keys("m/", after="a") == names
    assert [entry.key for entry in states.items("m/", after="m/07", limit=5)] == ["m/08", "m/09"]


@hypothesis.settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@hypothesis.given(
    keys=st.lists(st.text("aé/\U0001f600\uffff", max_size=4), max_size=12, unique=True),
    prefix=st.text("aé/\uffff", max_size=2),
    after=st.none() | st.text("aé/\U0001f600", max_size=3),
    limit=st.none() | st.integers(0, 5),
    reverse=st.booleans(),
)
def test_any_page_of_any_keys(
    states: Any, keys: list[str], prefix: str, after: str | None, limit: int | None, reverse: bool
) -> None:
    """Filter, sort, skip, cut: in this order."""
    states.clear()
    for key in keys:
        states.put(key, key)
    expected = sorted((key for key in keys if key.startswith(prefix)), key=str.encode, reverse=reverse)
    if after is not None:
        border = after.encode()
        expected = [key for key in expected if (key.encode() < border if reverse else key.encode() > border)]
    expected = expected if limit is None else expected[:limit]
    assert states.keys(prefix, after=after, limit=limit, reverse=reverse) == expected


def test_delete_by_keys_and_by_numbers(states: Any) -> None:
    numbers = {key: states.put(key, key) for key in "abcdef"}
    assert states.delete("a") == 1
    assert states.delete(["b", "missing", "b"]) == 1
    assert states.delete([]) == states.delete("missing") == states.delete(numbers=[]) == 0
    assert states.delete(numbers=[numbers["c"], numbers["a"], 10**9]) == 1
    assert states.delete(["d"], numbers=[numbers["e"]]) == 2
    assert states.keys() == ["f"]


def test_numbers_of_another_journal_are_not_deleted(quick: MemoryStore, states: Any) -> None:
    number = quick.journal("another").put("a", 1)
    assert states.delete(numbers=[number]) == 0
    assert quick.journal("another").get("a") == 1


def test_log_and_map_are_two_lists_under_one_name(states: Any) -> None:
    """The log never shows, pops or prunes what has a key; only `clear` and numbers reach both."""
    states.put("k", "map")
    number = states.append("log")
    assert [entry.value for entry in states.read()] == ["log"]
    assert [entry.value for entry in states.items()] == ["map"]
    assert states.prune(keep=0) == 1
    assert states.pop() is None
    assert states.get("k") == "map"
    number = states.append("log")
    assert states.delete(["k"]) == 1
    assert states.delete(numbers=[number]) == 1
    states.put("k", 1)
    states.append(1)
    assert states.clear() == 2
    assert states.keys() == states.read() == []


# Compare-and-set


def test_if_number_is_that_of_the_key(states: Any) -> None:
    first = states.put("k", 1, if_number=0)
    with pytest.raises(ConflictError) as caught:
        states.put("k", 2, if_number=0)
    error = caught.value
    assert (error.journal, error.key, error.expected, error.found) == ("states", "k", 0, first)
    second = states.put("k", 2, if_number=first)
    with pytest.raises(ConflictError) as caught:
        states.put("k", 3, if_number=first)
    assert (caught.value.expected, caught.value.found) == (first, second)
    with pytest.raises(ConflictError) as caught:
        states.put("absent", 1, if_number=second)
    assert (caught.value.key, caught.value.found) == ("absent", 0)
    assert [(entry.key, entry.value, entry.number) for entry in states.items()] == [("k", 2, second)]


# Expiry


def test_an_expired_key_is_absent(states: Any, clock: Clock) -> None:
    states.put("stays", 1)
    number = states.put("goes", 2, ttl=60)
    clock.move(60)
    assert states.get("goes", "default") == "default"
    assert states.get_many(["stays", "goes"]).keys() == {"stays"}
    assert states.keys() == [entry.key for entry in states.items()] == ["stays"]
    assert states.delete("goes") == states.delete(numbers=[number]) == 0
    with pytest.raises(ConflictError) as caught:
        states.put("goes", 3, if_number=number)
    assert caught.value.found == 0
    assert states.put("goes", 3, if_number=0) > number
    assert states.get("goes") == 3


def test_expiry_shows_no_older_value(quick: MemoryStore, states: Any, clock: Clock) -> None:
    """`put` replaces: what it replaced does not come back when the new value expires."""
    states.put("k", "old")
    states.put("k", "new", ttl=60)
    clock.move(60)
    assert states.get("k") is None
    quick.purge()
    assert states.get("k") is None


def test_a_put_without_ttl_never_expires(states: Any, clock: Clock) -> None:
    states.put("k", 1, ttl=60)
    states.put("k", 2)
    clock.move(3600)
    assert states.get("k") == 2


# Bad input

BAD: list[tuple[str, Callable[[Any], object], Any]] = [
    ("key that is a number", lambda s: s.put(5, 1), InvalidRecordError),
    ("key that is bytes", lambda s: s.put(b"k", 1), InvalidRecordError),
    ("key that is None", lambda s: s.put(None, 1), InvalidRecordError),
    ("key with NUL", lambda s: s.put("a\0", 1), InvalidRecordError),
    ("key with a lone surrogate", lambda s: s.put("\ud800", 1), InvalidRecordError),
    ("key of 1,025 bytes", lambda s: s.put("é" * 512 + "x", 1), InvalidRecordError),
    ("negative if_number", lambda s: s.put("k", 1, if_number=-1), (InvalidRecordError, InvalidFilterError)),
    (
        "if_number of another type",
        lambda s: s.put("k", 1, if_number="1"),
        (InvalidRecordError, InvalidFilterError),
    ),
    (
        "if_number that is a boolean",
        lambda s: s.put("k", 1, if_number=True),
        (InvalidRecordError, InvalidFilterError),
    ),
    ("ttl 0", lambda s: s.put("k", 1, ttl=0), InvalidRecordError),
    ("NaN ttl", lambda s: s.put("k", 1, ttl=float("nan")), InvalidRecordError),
    ("infinite ttl", lambda s: s.put("k", 1, ttl=float("inf")), InvalidRecordError),
    ("get of a number", lambda s: s.get(5), (InvalidRecordError, InvalidFilterError)),
    ("get_many of a number", lambda s: s.get_many([5]), (InvalidRecordError, InvalidFilterError)),
    ("get_many of no list", lambda s: s.get_many(5), (InvalidRecordError, InvalidFilterError)),
    ("negative limit", lambda s: s.items(limit=-1), InvalidFilterError),
    ("limit of another type", lambda s: s.keys(limit="1"), InvalidFilterError),
    ("limit that is a boolean", lambda s: s.keys(limit=True), InvalidFilterError),
    ("prefix of another type", lambda s: s.items(5), InvalidFilterError),
    ("after of another type", lambda s: s.items(after=5), InvalidFilterError),
    ("delete without arguments", lambda s: s.delete(), InvalidFilterError),
    ("delete of a number by key", lambda s: s.delete(5), (InvalidRecordError, InvalidFilterError)),
    ("delete of a key by number", lambda s: s.delete(numbers=["k"]), InvalidFilterError),
    ("delete of numbers that are no list", lambda s: s.delete(numbers="1"), InvalidFilterError),
]


@pytest.mark.parametrize(("call", "error"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_changes_nothing(states: Any, call: Callable[[Any], object], error: Any) -> None:
    states.put("k", "v")
    before = states.items()
    with pytest.raises(error):
        call(states)
    assert states.items() == before


def test_the_longest_key(states: Any) -> None:
    key = "é" * 512
    states.put(key, 1)
    assert states.keys() == [key]


def test_what_can_be_mistaken_for_bad_input_is_good(states: Any) -> None:
    """What no key can be is not found; any text is a prefix."""
    assert states.get("x" * 5000, 7) == 7
    assert states.get("a\0", 7) == 7
    assert states.keys("\0") == states.keys("x" * 5000) == []
