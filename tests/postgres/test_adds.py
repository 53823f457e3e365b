"""New records, which take one round trip if nothing must be read first, keep all promises."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from postgres_server import Server, program, wait_until

import agentmem


@contextmanager
def locked(server: Server, url: str, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Another host holds the locks of all spaces that the store has for so long."""
    schema = url.rsplit("%3D", 1)[1]
    sql = f"BEGIN; SELECT 'locked' FROM {schema}.agentmem_spaces FOR UPDATE; SELECT pg_sleep({seconds})"
    command = [str(program("psql")), "-Xqt", "-d", server.url(), "-c", sql]
    host = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    sleeping = f"query LIKE '%{schema}%' AND wait_event = 'PgSleep'"
    while server.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {sleeping}") == "0":
        time.sleep(0.02)
    try:
        yield host
    finally:
        host.wait()


def test_an_add_waits_for_the_lock_of_another_host(server: Server, url: str) -> None:
    with agentmem.open(url) as store:
        store.add("red car")
        with locked(server, url, 2.5):
            store.add("blue car")
            assert len(store.search("car")) == 2


def test_an_add_that_does_not_get_the_lock_in_time_writes_nothing(server: Server, url: str) -> None:
    with agentmem.open(url, busy_timeout=0.5) as store:
        store.add("red car")
        with locked(server, url, 3), pytest.raises(agentmem.StoreBusyError):
            store.add("blue car")
        assert [record.content for record in store.list()] == ["red car"]
        store.add("green car")
        assert store.verify().ok


def test_adds_of_many_threads_share_transactions_and_one_that_fails_fails_alone(url: str) -> None:
    with agentmem.open(url) as store:
        store.add("the first", id="taken")
        refused: list[int] = []

        def add(thread: int) -> None:
            for n in range(20):
                store.add(f"record {n}", id=f"{thread}-{n}")
            try:
                store.add("the second", id="taken")
            except agentmem.DuplicateIdError:
                refused.append(thread)

        threads = [threading.Thread(target=add, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 8
        assert store.count() == 161
        assert len(store.search("record", limit=1000)) == 160
        assert store.verify().ok


def add_in_threads(store: agentmem.MemoryStore, scopes: list[str], each: int) -> None:
    """A thread for each scope adds so many records to it."""

    def add(scope: str) -> None:
        for n in range(each):
            store.add(f"record {n}", id=f"{n}", scope=scope)

    with ThreadPoolExecutor(len(scopes)) as threads:
        list(threads.map(add, scopes))


def test_adds_to_many_spaces_share_statements_and_one_that_fails_fails_alone(server: Server) -> None:
    with agentmem.open(server.store(space_depth=1), pool_size=16) as store:
        scopes = [f"/user{n}" for n in range(12)]
        store.add("the first", id="30", scope="/user3")
        store.add("gone soon", id="40", scope="/user4", ttl=0.1)
        store.add("a vector", id="50", scope="/user5", embedding=[1.0, 0.0])
        with pytest.raises(agentmem.DuplicateIdError):
            add_in_threads(store, scopes, 31)
        for scope in scopes:
            added = 30 if scope == "/user3" else 31
            listed = store.list(scope=scope, order="written", limit=100)
            ids = [record.id for record in listed if record.content.startswith("record")]
            assert ids == [f"{n}" for n in range(added)]
            assert len(store.search("record", scope=scope, limit=100)) == added
        assert store.verify().ok


def test_a_space_that_another_host_has_locked_holds_up_no_other(server: Server) -> None:
    url = server.store(space_depth=1)
    with agentmem.open(url, pool_size=16) as store:
        store.add("red car", scope="/locked")
        with locked(server, url, 6) as host, ThreadPoolExecutor() as threads:
            waits = threads.submit(store.add, "blue car", scope="/locked")
            add_in_threads(store, [f"/user{n}" for n in range(8)], 50)
            assert host.poll() is None, "the lock was free again"
            assert not waits.done()
        assert len(store.search("car", scope="/locked")) == 2
        assert store.count() == 402
        assert store.verify().ok


def test_an_id_of_an_expired_record_is_free(url: str) -> None:
    with agentmem.open(url) as store:
        store.add("red car", id="car", ttl=0.2)
        store.add("a bike")
        time.sleep(0.3)
        store.add("blue car", id="car")
        assert [hit.record.content for hit in store.search("car")] == ["blue car"]
        assert store.verify().ok


def test_vectors_must_be_like_those_that_are_there(url: str) -> None:
    with agentmem.open(url) as store:
        store.add("red car", embedding=[1.0, 0.0])
        store.add("blue car", embedding=[0.0, 1.0])
        with pytest.raises(agentmem.DimensionMismatchError):
            store.add("green car", embedding=[0.0, 1.0, 0.0])
        store.add("grey car")
        assert store.count() == 3
        assert store.search("anything", vector=[1.0, 0.0], mode="vector")[0].record.content == "red car"
        assert store.verify().ok


def test_the_index_takes_in_many_single_adds_at_the_next_search(url: str) -> None:
    with agentmem.open(url) as store:
        for n in range(600):
            store.add(f"record {n}")
        assert len(store.search("record", limit=1000)) == 600
        assert store.stats().caught_up >= 600


def test_an_add_waits_for_a_locked_table_no_longer_than_it_may(server: Server, url: str) -> None:
    with agentmem.open(url, busy_timeout=0.5) as store:
        store.add("red car")
        table = f"{url.rsplit('%3D', 1)[1]}.agentmem_records"
        lock = f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4)"
        thread = threading.Thread(target=server.sql, args=(lock,))
        thread.start()
        held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
        wait_until(lambda: server.sql(held) != "0")
        start = time.monotonic()
        with pytest.raises(agentmem.StoreBusyError):
            store.add("blue car")
        assert time.monotonic() - start < 2
        thread.join()
        store.add("green car")
        assert {record.content for record in store.list()} == {"red car", "green car"}
        assert store.verify().ok


def test_a_space_begins_with_an_add(server: Server) -> None:
    url = server.store(space_depth=1)
    with agentmem.open(url) as store:
        store.add("red car", scope="/a", embedding=[1.0, 0.0], ttl=3600)
        with pytest.raises(agentmem.DimensionMismatchError):
            store.add("blue car", scope="/a", embedding=[1.0, 0.0, 0.0])
        store.add("green car", scope="/b", embedding=[1.0, 0.0, 0.0])
        assert store.stats(scope="/a").records == 1
        assert store.verify().ok
