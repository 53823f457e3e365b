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


def wait_for_arrival(primary: Server, standby: Server) -> None:
    """The standby has all that was written."""
    position = primary.sql("SELECT pg_current_wal_lsn()")
    wait_until(lambda: standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t")


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


@pytest.fixture
def lagging() -> Iterator[tuple[Server, Server]]:
    """A primary and its standby, which may lack the last commits."""
    primary = Server(ACKNOWLEDGES)
    standby = Server(ACKNOWLEDGES, of=primary)
    yield primary, standby
    standby.remove()
    primary.remove()


def take_over_without_the_last_commits(primary: Server, standby: Server) -> None:
    """The primary is lost, and so are the writes that the standby, which is stopped, never got."""
    primary.kill()
    standby.start()
    standby.promote()


def write_as_another_host(url: str, contents: list[str]) -> None:
    """Add records in another process, one at a time, and update the first twice."""
    program = (
        "import sys, agentmem\n"
        "with agentmem.open(sys.argv[1]) as store:\n"
        "    for content in sys.argv[2:]:\n"
        "        store.add(content, id=content, scope='/a', categories=['new'])\n"
        "    for _ in sys.argv[2:3]:\n"
        "        store.update(content, content=content + ' again')\n"
        "        store.update(content, content=content + ' again')\n"
    )
    subprocess.run([sys.executable, "-c", program, url, *contents], check=True)


@pytest.mark.parametrize("searched", [True, False])
@pytest.mark.parametrize("written", [0, 2, 3, 4, 20])
def test_a_host_forgets_what_a_failover_lost(
    lagging: tuple[Server, Server], searched: bool, written: int
) -> None:
    primary, standby = lagging
    agentmem.migrate(primary.url(), space_depth=0)
    url = either(primary, standby)
    with agentmem.open(url) as store:
        store.add("kept car", id="kept", scope="/a")
        store.add("changed car", id="changed", scope="/a")
        wait_for_arrival(primary, standby)
        standby.stop()
        for number in range(3):
            store.add(f"lost car {number}", id=f"lost {number}", scope="/a", categories=["old"])
        store.update("changed", content="lost car of the update")
        store.delete(ids=["kept"])
        if searched:
            assert len(store.search("car", limit=100)) == 4
            assert len(store.search("car", scope="/a", categories=["old"])) == 3
        take_over_without_the_last_commits(primary, standby)
        others = [f"new car {number}" for number in range(written)]
        write_as_another_host(standby.url(), others)
        there = {record.content for record in store.list(limit=None)}
        assert len(there) == 2 + written
        for _ in range(2):
            for mode in ("hybrid", "bm25", "tfidf"):
                hits = store.search("car", limit=100, mode=mode)
                assert {hit.record.content for hit in hits} == there
            assert store.search("lost") == []
            assert len(store.search("car", limit=100, scope="/a")) == len(there)
            assert len(store.search("car", limit=100, scope="/a", categories=["new"])) == written
            assert store.search("car", scope="/a", categories=["old"]) == []
            assert store.verify().ok
            there.add("the car goes on")
            if len(there) != store.count():
                store.add("the car goes on", scope="/a")


def test_a_host_stores_no_index_of_what_a_failover_lost(
    lagging: tuple[Server, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, standby = lagging
    agentmem.migrate(primary.url(), space_depth=0)
    with agentmem.open(either(primary, standby)) as store:
        wait_for_arrival(primary, standby)
        standby.stop()
        # Just too few for a segment.
        store.add_many([f"lost car {number}" for number in range(4095)])
        assert len(store.search("car", limit=10_000)) == 4095
        take_over_without_the_last_commits(primary, standby)
        with agentmem.open(standby.url()) as other:
            other.add_many([f"new car {number}" for number in range(4100)])
        assert len(store.search("car", limit=10_000)) == 4100
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    with agentmem.open(standby.url(), read_only=True) as store:
        assert store.search("lost") == []
        assert len(store.search("car", limit=10_000)) == 4100
        assert store.verify().ok


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
    wait_for_arrival(primary, standby)
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
