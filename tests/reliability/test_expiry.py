"""A flipped bit never deletes a record: a moment of expiry that is not what was written counts as none."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from clock import START, Clock, microseconds

import agentmem

RECORDS = 40


def moment(n: int) -> datetime:
    """When a record expires: each at a moment of its own, long after the test."""
    return START + timedelta(days=100, seconds=n)


def ids_in(path: Path) -> set[bytes]:
    """What is physically there, whatever the store makes of it."""
    conn = sqlite3.connect(path)
    conn.text_factory = bytes  # a flipped bit may leave what is no text
    try:
        return {id for (id,) in conn.execute("SELECT id FROM records NOT INDEXED")}
    except UnicodeDecodeError as error:  # SQLite's message quotes the damaged schema
        raise sqlite3.DatabaseError(str(error)) from None
    finally:
        conn.close()


@pytest.fixture
def image(tmp_path: Path, clock: Clock) -> bytes:
    """A store of records that all expire, far from now, and of entries that do."""
    path = tmp_path / "whole.db"
    with agentmem.open(path) as store:
        store.add_many(
            {"content": f"note {n}", "id": f"id{n}", "expires_at": moment(n)} for n in range(RECORDS)
        )
        store.journal("log").extend([f"value {n}" for n in range(RECORDS)], ttl=10**7)
    return path.read_bytes()


def places(image: bytes) -> list[int]:
    """Where a moment of expiry lies in the file, as SQLite keeps large integers: big-endian."""
    found = []
    for n in range(RECORDS):
        wanted, at = microseconds(moment(n)).to_bytes(8, "big"), -1
        while (at := image.find(wanted, at + 1)) >= 0:
            found += range(at, at + 8)
    assert found, "no moment of expiry was found in the file"
    return found


def test_a_flipped_bit_of_an_expiry(
    image: bytes,
    tmp_path: Path,
    clock: Clock,
    figures: Counter[str],
    rounds: Callable[..., Iterator[int]],
) -> None:
    """In the table or in its index: nothing is due, so nothing is hidden for good or deleted, by a write, a
    purge, or a rebuild.
    """
    bytes_of_moments = places(image)
    for number in rounds(120, share=0.02):
        damaged = bytearray(image)
        damaged[random.choice(bytes_of_moments)] ^= 1 << random.randrange(8)
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged)
        figures["flipped bits of expiries"] += 1
        before = ids_in(path)
        with agentmem.open(path) as store:
            report = store.verify()
            assert not report, "a damaged expiry was not noticed"
            for work in (lambda: store.add("more", id="more"), store.purge, store.rebuild):
                try:
                    work()
                except agentmem.CorruptStoreError:
                    figures["damaged databases refused"] += 1
        assert before <= ids_in(path), f"deleted by a flipped bit: {before - ids_in(path)}"
        path.unlink()


def test_a_flipped_bit_anywhere(
    image: bytes,
    tmp_path: Path,
    clock: Clock,
    figures: Counter[str],
    rounds: Callable[..., Iterator[int]],
) -> None:
    """Of what can still be read none goes because of it; entries of journals neither."""
    for number in rounds(150, share=0.05):
        damaged = bytearray(image)
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged)
        figures["damaged databases opened"] += 1
        try:
            before = ids_in(path)
            with agentmem.open(path) as store:
                entries = {entry.number for entry in store.journal("log").read(skip_damaged=True)}
                store.add("more", id="more")
                store.purge()
                after = {entry.number for entry in store.journal("log").read(skip_damaged=True)}
                sound = bool(store.verify())
            assert entries <= after
            assert before <= ids_in(path), f"deleted by a flipped bit: {before - ids_in(path)}"
            assert len(entries) == RECORDS or not sound, (
                "an entry is missing, and the store calls itself sound"
            )
        except (
            sqlite3.DatabaseError,
            agentmem.CorruptStoreError,
            agentmem.NotAStoreError,
            agentmem.SchemaTooNewError,
        ):
            figures["damaged databases refused"] += 1
        path.unlink()


def test_many_expire_while_others_write(tmp_path: Path, clock: Clock, figures: Counter[str]) -> None:
    """The sweep keeps pace: what expires while records are written is deleted with them."""
    with agentmem.open(tmp_path / "memory.db", durability="normal") as store:
        for n in range(300):
            store.add_many(
                {"content": f"note {n}", "expires_at": clock.now + timedelta(seconds=5)} for _ in range(5)
            )
            clock.move(1)
            assert store.count() == 5 * min(n + 1, 4)
        assert len(ids_in(tmp_path / "memory.db")) < 200
        assert store.verify()
    figures["records that expired"] += 1500 - 20
