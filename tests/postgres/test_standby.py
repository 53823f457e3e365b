"""A standby of the server takes over when the primary is lost, and answers reads before that."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server, wait_until

import agentmem

HOST = Path(__file__).with_name("host.py")


# Their processes are killed, the machine is not: nothing needs to reach the disk.
ACKNOWLEDGES = "synchronous_commit=on"


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary and its standby, which confirms each write."""
    primary = Server(ACKNOWLEDGES)
    standby = Server(ACKNOWLEDGES, of=primary)
    primary.wait_for_standbys()
    yield primary, standby
    standby.remove()
    primary.remove()


@pytest.fixture(scope="module")
def primary() -> Iterator[Server]:
    """A server whose standby only reads."""
    server = Server(ACKNOWLEDGES)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def standby(primary: Server) -> Iterator[Server]:
    """The standby."""
    server = Server(ACKNOWLEDGES, of=primary)
    yield server
    server.remove()


@pytest.fixture
def urls(primary: Server, standby: Server) -> tuple[str, str]:
    """A store that is one space, at the primary and at the standby."""
    url = primary.store(space_depth=0)
    replica = url.replace(str(primary.port), str(standby.port))
    wait_until(lambda: has_arrived(replica))
    return url, replica


def has_arrived(replica: str) -> bool:
    try:
        agentmem.open(replica, read_only=True).close()
    except agentmem.NotAStoreError:
        return False
    return True


def either(primary: Server, standby: Server) -> str:
    """The address of both: whichever takes writes is used."""
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"


def test_a_synchronous_standby_takes_over_and_has_all_that_was_acknowledged(
    pair: tuple[Server, Server],
) -> None:
    primary, standby = pair
    agentmem.migrate(primary.url(), space_depth=0)
    url = either(primary, standby)
    with agentmem.open(url) as store:
        command = [sys.executable, str(HOST), url, "/a", "0", "100000"]
        host = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        wait_until(lambda: store.get("50") is not None)
        primary.kill()
        assert host.stdout is not None
        told = {line.strip() for line in host.stdout if line.endswith("\n")} - {"ready"}
        assert host.wait() != 0
        start = time.monotonic()
        with pytest.raises(agentmem.StorePathError):
            store.add("nobody takes writes")
        assert time.monotonic() - start < 5
        standby.promote()
        # The same store goes on: its address names both.
        there = {record.id for record in store.list(limit=None)}
        assert told <= there
        assert len(there - told) <= 1
        store.add("the application goes on", scope="/a")
        assert [hit.record.content for hit in store.search("application")] == ["the application goes on"]
        assert len(store.search("record of a host", limit=100_000)) == len(there)
        assert store.verify().ok


def test_without_its_standby_a_server_acknowledges_nothing(pair: tuple[Server, Server]) -> None:
    primary, standby = pair
    agentmem.migrate(primary.url(), space_depth=0)
    with agentmem.open(primary.url()) as store:
        standby.stop()
        writer = threading.Thread(target=store.add, args=("red car",))
        writer.start()
        writer.join(1)
        assert writer.is_alive()
        standby.start()
        writer.join(20)
        assert not writer.is_alive()


def test_a_replica_answers_reads_up_to_its_position(urls: tuple[str, str], standby: Server) -> None:
    url, replica_url = urls
    with agentmem.open(url) as store, agentmem.open(replica_url, read_only=True) as replica:
        store.add("red car", id="car", scope="/a")
        store.journal("log").append("first")
        wait_until(lambda: replica.journal("log").read())
        assert [hit.record.id for hit in replica.search("car", scope="/a")] == ["car"]
        standby.sql("SELECT pg_wal_replay_pause()")
        store.add("blue car", id="blue", scope="/a")
        store.update("car", content="green car")
        for _ in range(3):
            assert [hit.record.content for hit in replica.search("car", scope="/a")] == ["red car"]
            assert replica.get("blue") is None
            assert [record.id for record in replica.list(scope="/a")] == ["car"]
            assert replica.count() == 1
        standby.sql("SELECT pg_wal_replay_resume()")
        wait_until(lambda: replica.count() == 2)
        contents = {hit.record.content for hit in replica.search("car", scope="/a")}
        assert contents == {"green car", "blue car"}
        assert replica.verify().ok


@pytest.mark.parametrize("read_only", [True, False])
def test_a_replica_takes_no_writes(urls: tuple[str, str], read_only: bool) -> None:
    url, replica_url = urls
    with agentmem.open(url) as store:
        store.add("red car", id="car")
    with agentmem.open(replica_url, read_only=read_only) as replica:
        wait_until(lambda: replica.get("car"))
        for write in (
            lambda: replica.add("blue car"),
            lambda: replica.update("car", content="blue car"),
            lambda: replica.delete(ids=["car"]),
            lambda: replica.journal("log").append(1),
            replica.reset,
        ):
            with pytest.raises(agentmem.StoreReadOnlyError):
                write()
        assert len(replica.search("car")) == 1


def test_a_replica_answers_without_the_index_that_it_cannot_store(
    urls: tuple[str, str], primary: Server, standby: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, replica_url = urls
    schema = url.rsplit("%3D", 1)[1]
    with agentmem.open(url) as store:
        store.add_many([f"record {number} about cars" for number in range(6000)])
        store.search("cars")
    primary.sql(f"DELETE FROM {schema}.agentmem_chunks; DELETE FROM {schema}.agentmem_segments")
    position = primary.sql("SELECT pg_current_wal_lsn()")
    wait_until(lambda: standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    for read_only in (True, False):
        with agentmem.open(replica_url, read_only=read_only) as replica:
            assert len(replica.search("cars", limit=10_000)) == 6000
            assert replica.search("record 4711")[0].record.content == "record 4711 about cars"


def test_an_address_without_a_primary_is_reported_in_time(urls: tuple[str, str], standby: Server) -> None:
    start = time.monotonic()
    with pytest.raises(agentmem.StorePathError):
        agentmem.open(either(standby, standby))
    assert time.monotonic() - start < 5


def test_a_write_that_no_standby_confirms_in_time_is_not_acknowledged(pair: tuple[Server, Server]) -> None:
    primary, standby = pair
    with agentmem.open(primary.store(space_depth=0), busy_timeout=1) as store:
        store.add("confirmed")
        standby.stop()
        with pytest.raises(agentmem.StorePathError, match="may have happened or not"):
            store.add("not confirmed")
        standby.start()
        store.add("confirmed again")
        assert store.verify().ok
