"""Records that expire: from that instant no read shows them, their id is free, and nothing revives them."""

from __future__ import annotations

import io
import json
import math
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from clock import START, Clock, microseconds

import agentmem
from agentmem import InvalidFilterError, InvalidRecordError, MemoryStore, Record

MINUTE = timedelta(seconds=60)
INSTANT = timedelta(microseconds=1)


def expiry(store: MemoryStore, id: str = "a") -> datetime | None:
    record = store.get(id)
    assert record is not None
    return record.expires_at


def rows(store: MemoryStore) -> int:
    """Records that are physically there."""
    with sqlite3.connect(store.path) as conn:
        (count,) = conn.execute("SELECT count(*) FROM records").fetchone()
    conn.close()
    return int(count)


# Setting it


@pytest.mark.parametrize(
    "given",
    [
        {"ttl": 60},
        {"ttl": 60.0},
        {"ttl": MINUTE},
        {"expires_at": START + MINUTE},
        {"expires_at": "2030-01-01T00:01:00Z"},
        {"expires_at": "2030-01-01T02:01:00+02:00"},
        {"expires_at": datetime(2030, 1, 1, 0, 1)},
    ],
    ids=str,
)
def test_ways_to_say_when(quick: MemoryStore, clock: Clock, given: dict[str, Any]) -> None:
    """Seconds or a timedelta from now, or a moment; a moment without a zone is UTC."""
    writes: list[Callable[[], object]] = [
        lambda: quick.add("x", id="a", **given),
        lambda: quick.put("x", id="a", **given),
        lambda: quick.update("a", **given),
        lambda: quick.touch("a", **given),
        lambda: quick.supersede("a", "y", **given),
    ]
    for write in writes:
        write()
        assert expiry(quick) == START + MINUTE
        quick.update("a", expires_at=None)
        assert expiry(quick) is None


def test_a_ttl_counts_microseconds(quick: MemoryStore, clock: Clock) -> None:
    quick.add("x", id="a", ttl=0.000001)
    assert expiry(quick) == START + INSTANT
    clock.set(START + INSTANT)
    assert quick.get("a") is None


def test_records_say_when_they_expire(quick: MemoryStore, clock: Clock) -> None:
    """In the record, its dict and its JSON; `None` without."""
    quick.add("x", id="a", ttl=60)
    (record,) = quick.list()
    assert record.expires_at == START + MINUTE
    assert record.expires_at.tzinfo is timezone.utc
    assert record.to_dict()["expires_at"] == record.expires_at
    assert Record.from_json(record.to_json()) == record
    assert Record("x").expires_at is None
    assert record != record.replace(expires_at=None)
    assert Record("x", expires_at=START).expires_at == START


def test_records_and_dicts_bring_their_expiry(quick: MemoryStore, clock: Clock) -> None:
    quick.add_many([{"content": "x", "id": "a", "expires_at": START + MINUTE}])
    quick.put_many([Record("x", id="b", expires_at=START + MINUTE)])
    assert expiry(quick, "a") == expiry(quick, "b") == START + MINUTE


def test_an_update_does_not_both_set_and_lift_an_expiry(quick: MemoryStore, clock: Clock) -> None:
    quick.add("x", id="a")
    with pytest.raises(InvalidRecordError, match="do not go together"):
        quick.update("a", ttl=60, expires_at=None)
    assert expiry(quick) is None


def test_what_keeps_and_what_lifts_an_expiry(quick: MemoryStore, clock: Clock) -> None:
    quick.add("x", id="a", ttl=60)
    quick.update("a", content="y")
    quick.touch("a")
    quick.touch("a", ttl=None, expires_at=None)
    assert expiry(quick) == START + MINUTE
    quick.put("z", id="a")
    assert expiry(quick) is None
    quick.touch("a", ttl=60)
    quick.supersede("a", "new")
    assert expiry(quick) is None


def test_a_touch_extends_and_shortens_and_changes_nothing_else(quick: MemoryStore, clock: Clock) -> None:
    quick.add("x", id="a", ttl=60)
    (before,) = quick.list()
    assert quick.touch(["a", "b"], ttl=120) == 1
    (after,) = quick.list()
    assert after.expires_at == START + 2 * MINUTE
    assert after.replace(expires_at=before.expires_at, last_accessed=before.last_accessed) == before
    assert after.version == before.version
    clock.move(90)
    assert quick.count() == 1
    quick.touch("a", ttl=1)
    clock.move(1)
    assert quick.count() == 0


BAD: list[tuple[dict[str, Any], str]] = [
    ({"ttl": 60, "expires_at": START}, "expires_at"),
    ({"ttl": timedelta(1), "expires_at": "2030-01-01"}, "expires_at"),
    ({"ttl": 0}, "ttl"),
    ({"ttl": -1}, "ttl"),
    ({"ttl": 0.0}, "ttl"),
    ({"ttl": timedelta(0)}, "ttl"),
    ({"ttl": timedelta(seconds=-1)}, "ttl"),
    ({"ttl": math.inf}, "ttl"),
    ({"ttl": -math.inf}, "ttl"),
    ({"ttl": math.nan}, "ttl"),
    ({"ttl": 10**300}, "ttl"),
    ({"ttl": True}, "ttl"),
    ({"ttl": "60"}, "ttl"),
    ({"ttl": [60]}, "ttl"),
    ({"expires_at": 1893456000}, "expires_at"),
    ({"expires_at": "soon"}, "expires_at"),
    ({"expires_at": True}, "expires_at"),
    ({"expires_at": MINUTE}, "expires_at"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=str)
def test_bad_expiries(quick: MemoryStore, given: dict[str, Any], message: str) -> None:
    """In `touch` they are bad arguments of a call by id, elsewhere fields of a bad record."""
    quick.add("there", id="a")
    before = quick.list()
    for write in (
        lambda: quick.add("x", **given),
        lambda: quick.put("x", id="a", **given),
        lambda: quick.update("a", **given),
        lambda: quick.supersede("a", "x", **given),
        lambda: quick.touch("a", **given),
    ):
        with pytest.raises((InvalidRecordError, InvalidFilterError), match=message):
            write()
    assert quick.list() == before


@pytest.mark.parametrize("ttl", [timedelta(days=213_503_983), timedelta.max, 9e12], ids=str)
def test_a_ttl_past_the_year_9999_is_refused(quick: MemoryStore, ttl: timedelta | float) -> None:
    """The first has 16 hours more microseconds than 64 bits hold."""
    with pytest.raises(InvalidRecordError, match="ends after the year 9999"):
        quick.add("x", ttl=ttl)


# What readers see

VECTOR = [1.0, 0.5]


def exported(store: MemoryStore) -> list[str]:
    out = io.BytesIO()
    store.export(out)
    return [json.loads(line)["id"] for line in out.getvalue().splitlines()]


READS: dict[str, Callable[[MemoryStore], list[str]]] = {
    "get": lambda s: [r.id for r in [s.get("stays"), s.get("goes")] if r],
    "get_many": lambda s: [r.id for r in s.get_many(["stays", "goes"]) if r],
    "list": lambda s: [r.id for r in s.list()],
    "list oldest": lambda s: [r.id for r in s.list(order="oldest")],
    "list written": lambda s: [r.id for r in s.list(order="written", after=0)],
    "list updated": lambda s: [r.id for r in s.list(order="updated")],
    "list by ids": lambda s: [r.id for r in s.list(ids=["stays", "goes"])],
    "list by scope": lambda s: [r.id for r in s.list(scope="/of")],
    "list by where": lambda s: [r.id for r in s.list(where={"k": {"$exists": True}})],
    "categories": lambda s: [*s.categories()],
    "scopes": lambda s: [scope.removeprefix("/of/") for scope in s.scopes("/of")],
    "scopes recursive": lambda s: [scope.removeprefix("/of/") for scope in s.scopes("/of", recursive=True)],
    "scope_info": lambda s: [*s.scope_info("/of").categories],
    "search_many": lambda s: [hit.record.id for hit in s.search_many(["common words"])[0]],
    "export": exported,
    **{
        mode: lambda s, mode=mode: [  # type: ignore[misc]
            hit.record.id
            for hit in s.search("common words", mode=mode, vector=VECTOR if mode == "vector" else None)
        ]
        for mode in ("hybrid", "bm25", "tfidf", "vector")
    },
    "dialogue": lambda s: [hit.record.id for hit in s.search("common words", dialogue=True)],
    "with recency": lambda s: [hit.record.id for hit in s.search("common words", recency_weight=1)],
    "duplicates": lambda s: [r.id for group in s.duplicates(0.1, scope="/of/goes") for r in group],
    "history": lambda s: [r.id for id in ("stays", "goes") for r in s.history(id)],
}


@pytest.mark.parametrize("read", READS)
def test_no_read_shows_what_has_expired(store: MemoryStore, clock: Clock, read: str) -> None:
    """The same read of the same store before and after the instant; only the clock has moved."""
    for id, given in {"stays": {}, "goes": {"ttl": 60}, "goes too": {"ttl": 60}}.items():
        store.add(
            "some common words",
            id=id,
            scope="/of/goes" if given else "/of/stays",
            categories=["goes" if given else "stays"],
            metadata={"k": 1},
            embedding=VECTOR,
            **given,
        )
    clock.set(START + MINUTE - INSTANT)
    assert "goes" in READS[read](store)
    clock.set(START + MINUTE)
    assert set(READS[read](store)) == (set() if read == "duplicates" else {"stays"})


def test_counts_leave_out_what_has_expired(store: MemoryStore, clock: Clock) -> None:
    store.add_many([{"content": f"note {n}", "expires_at": START + n * MINUTE} for n in range(1, 6)])
    for n in range(6):
        clock.set(START + n * MINUTE)
        assert store.count() == store.count(scope="/") == store.scope_info("/").records == 5 - n
        assert store.count(where={"k": {"$exists": False}}) == 5 - n
        assert store.stats().records == 5 - n


@pytest.mark.parametrize("mode", ["hybrid", "bm25", "tfidf", "vector"])
def test_a_limit_is_not_spent_on_what_has_expired(store: MemoryStore, clock: Clock, mode: Any) -> None:
    store.add_many(
        {"content": "exact words", "embedding": VECTOR, "expires_at": START + MINUTE} for _ in range(300)
    )
    stays = store.add("these are not quite the exact words that one looks for", embedding=[1.0, 0.4])
    clock.move(60)
    vector = VECTOR if mode == "vector" else None
    assert [hit.record.id for hit in store.search("exact words", 3, mode=mode, vector=vector)] == [stays]


def test_a_filter_that_was_used_before_forgets_what_expires(store: MemoryStore, clock: Clock) -> None:
    """Searches remember filters; expiry and its extension are asked each time."""
    store.add("words", id="a", scope="/s", ttl=60)
    for moved, seen in [(0, 1), (59, 1), (1, 0)]:
        clock.move(moved)
        assert len(store.search("words", scope="/s")) == seen
    store.add("words", id="b", scope="/s", ttl=60)
    assert len(store.search("words", scope="/s")) == 1
    clock.move(59)
    store.touch("b", ttl=60)
    clock.move(59)
    assert len(store.search("words", scope="/s")) == 1


def test_what_was_born_expired_is_never_seen(quick: MemoryStore) -> None:
    id = quick.add("words", expires_at="2020-01-01")
    assert isinstance(id, str)
    assert quick.get(id) is None
    assert quick.search("words") == []
    assert quick.count() == 0


def test_changes_tell_of_expiry_only_by_what_they_leave_out(quick: MemoryStore, clock: Clock) -> None:
    """A record that has expired is no write any more, and its expiry is no deletion."""
    quick.add("x", id="stays")
    cursor = quick.changes(limit=0).cursor
    quick.add("x", id="goes", ttl=60)
    assert [change.id for change in quick.changes(cursor).items] == ["goes"]
    clock.move(60)
    assert quick.changes(cursor).items == []
    quick.add("x", id="later")
    assert [(change.kind, change.id) for change in quick.changes(cursor).items] == [("write", "later")]


# What writers see


@pytest.fixture
def expired(quick: MemoryStore, clock: Clock) -> MemoryStore:
    """A store whose only record "a" has expired, and is still physically there."""
    quick.add("old words", id="a", ttl=60)
    clock.move(60)
    assert rows(quick) == 1
    return quick


@pytest.mark.file
@pytest.mark.parametrize(
    "write",
    [
        lambda s: s.add("new words", id="a"),
        lambda s: s.add_many([{"content": "new words", "id": "a"}]),
        lambda s: s.put("new words", id="a"),
        lambda s: s.put("new words", id="a", if_version=0),
        lambda s: s.add("new words", id="a", on_conflict="skip"),
        lambda s: s.import_(io.BytesIO(b'{"content": "new words", "id": "a"}')),
        lambda s: s.import_(io.BytesIO(b'{"content": "new words", "id": "a"}'), on_conflict="skip"),
    ],
)
def test_its_id_is_free(expired: MemoryStore, write: Callable[[MemoryStore], object]) -> None:
    write(expired)
    assert [record.content for record in expired.list()] == ["new words"]
    assert [record.content for record in expired.history("a")] == ["new words"]
    assert [hit.record.id for hit in expired.search("new words")] == ["a"]
    assert expired.search("old") == []
    assert expiry(expired) is None
    assert expired.verify()


@pytest.mark.file
def test_nothing_revives_it(expired: MemoryStore) -> None:
    for write in (
        lambda: expired.update("a", expires_at=None),
        lambda: expired.update("a", ttl=60),
        lambda: expired.supersede("a", "new"),
    ):
        with pytest.raises(agentmem.RecordNotFoundError) as caught:
            write()
        assert caught.value.id == "a"
    assert expired.touch("a", ttl=60) == 0
    assert expired.delete("a") == 0
    assert expired.delete(scope="/") == 0
    assert expired.count() == 0


@pytest.mark.file
def test_reset_counts_only_what_was_there_to_be_seen(expired: MemoryStore) -> None:
    """As `delete` does; what has expired goes too."""
    expired.add_many(["x", "y"])
    assert expired.reset() == 2
    assert rows(expired) == 0


# The clock


def test_the_clock_of_a_process_never_goes_back(quick: MemoryStore, clock: Clock) -> None:
    """So that what was gone stays gone, whatever happens to the system's clock."""
    quick.add("x", id="a", ttl=60)
    clock.move(60)
    assert quick.get("a") is None
    clock.move(-3600)
    assert quick.get("a") is None
    assert quick.count() == 0
    quick.add("x", id="b", ttl=60)
    assert expiry(quick, "b") == START + 2 * MINUTE


READER = """
import sys, agentmem
from agentmem import _core
_core.set_clock(int(sys.argv[2]))
with agentmem.open(sys.argv[1]) as store:
    print(store.count(), len(store.search("words")), flush=True)
"""


def test_each_process_goes_by_its_own_clock_and_harms_no_other(quick: MemoryStore, clock: Clock) -> None:
    """A reader whose clock is ahead hides a record; it does not delete it, nor drop it from the index."""
    quick.add_many(f"filler {n}" for n in range(5000))  # so that index files are shared
    quick.add("some words", id="a", ttl=60)

    def seen(at: datetime) -> str:
        command = [sys.executable, "-c", READER, quick.path, str(microseconds(at))]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    assert seen(START + MINUTE) == "5000 0"
    assert seen(START) == "5001 1"
    quick.touch("a", ttl=3600)
    assert seen(START + MINUTE) == "5001 1"
    clock.move(3599)
    assert [hit.record.id for hit in quick.search("words")] == ["a"]


# Physical deletion


@pytest.mark.file
def test_every_write_deletes_some_of_what_has_expired(quick: MemoryStore, clock: Clock) -> None:
    """At a bounded cost, and faster than expired records can come in."""
    quick.add_many({"content": f"note {n}", "expires_at": START + MINUTE} for n in range(1000))
    quick.add("stays", id="stays")
    clock.move(60)
    before = rows(quick)
    quick.add("another")
    after = rows(quick)
    assert 0 < before + 1 - after < 1000
    for n in range(100):
        quick.update("stays", metadata={"n": n})
        if rows(quick) == 2:
            break
    assert rows(quick) == quick.count() == 2
    assert quick.verify()


def test_a_write_that_changes_nothing_deletes_nothing(quick: MemoryStore, clock: Clock) -> None:
    """A touch of what is not there opens no transaction."""
    quick.add_many({"content": "x", "expires_at": START + MINUTE} for _ in range(3))
    clock.move(60)
    assert quick.touch(["nobody"]) == quick.delete([]) == 0
    assert quick.purge() == 3


@pytest.mark.file
def test_purge_deletes_all_that_has_expired(store: MemoryStore, clock: Clock) -> None:
    """Private records too; it says how many, and the second time there is nothing left."""
    store.add_many(
        {"content": f"note {n}", "private": n % 2 == 0, "expires_at": START + MINUTE} for n in range(300)
    )
    store.add("stays")
    assert store.purge() == 0
    clock.move(60)
    assert store.purge() == 300
    assert store.purge() == 0
    assert rows(store) == store.count() == 1
    assert store.verify()


def test_purge_of_a_scope_leaves_the_others_and_the_journals(quick: MemoryStore, clock: Clock) -> None:
    scopes = ["/a", "/a/b", "/ab"]
    quick.add_many({"content": "x", "scope": scope, "expires_at": START + MINUTE} for scope in scopes)
    quick.journal("log").extend([1, 2], ttl=60)
    clock.move(60)
    assert quick.purge("/a") == 2
    assert quick.purge(scope="/a") == 0
    assert quick.purge() == 3
    for wrong in (5, "/..", "\0"):
        with pytest.raises(InvalidFilterError, match="scope"):
            quick.purge(wrong)  # type: ignore[arg-type]


@pytest.mark.file
def test_a_read_only_store_hides_and_deletes_nothing(path: Path, clock: Clock) -> None:
    with agentmem.open(path) as store:
        store.add("words", id="a", ttl=60)
        store.journal("log").append("x", ttl=60)
    before = path.read_bytes()
    with agentmem.open(path, read_only=True) as store:
        assert store.count() == len(store.search("words")) == len(store.journal("log").read()) == 1
        clock.move(60)
        assert store.count() == len(store.search("words")) == len(store.journal("log").read()) == 0
        with pytest.raises(agentmem.StoreReadOnlyError):
            store.purge()
    assert path.read_bytes() == before


@pytest.mark.file
def test_a_sound_store_may_hold_what_has_expired(expired: MemoryStore) -> None:
    """`verify`, `rebuild` and a backup take it in their stride."""
    assert expired.verify()
    expired.rebuild()
    assert expired.verify()
    expired.backup("copy.db")
    with agentmem.open("copy.db") as copy:
        assert copy.count() == 0
        assert copy.verify()


# Other ways in


def test_an_import_brings_expiries_and_skips_what_has_expired(
    quick: MemoryStore, clock: Clock, tmp_path: Path
) -> None:
    quick.add("x", id="long", ttl=3600)
    quick.add("x", id="short", ttl=60)
    quick.add("x", id="for ever")
    quick.export("out.jsonl")
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert ["expires_at" in line for line in lines] == [True, True, False]
    clock.move(60)
    with agentmem.open(tmp_path / "other.db") as other:
        imported = other.import_("out.jsonl")
        assert (imported.written, imported.skipped) == (2, 1)
        assert expiry(other, "long") == START + 60 * MINUTE
        assert expiry(other, "for ever") is None
        assert other.get("short") is None


def test_history_goes_with_its_record(quick: MemoryStore, clock: Clock) -> None:
    quick.add("one", id="a")
    quick.supersede("a", "two", ttl=60)
    assert len(quick.history("a")) == 2
    clock.move(60)
    assert quick.history("a") == []
    assert quick.get("a", at=START) is None
    quick.purge()
    quick.add("three", id="a")
    assert [record.content for record in quick.history("a")] == ["three"]
