"""Clients, connections and servers fail: a write is complete or absent, and stays once it has returned."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_network import Network, needs_network
from postgres_server import Server, wait_until

import agentmem

HOST = Path(__file__).with_name("host.py")
# Connections of agentmem.
OURS = "application_name = 'agentmem'"


@pytest.fixture
def fragile() -> Iterator[Server]:
    """A server of the test's own, which forgets nothing and has few connections."""
    server = Server("max_connections=8", "superuser_reserved_connections=0", durable=True)
    yield server
    server.remove()


def start_host(url: str, first: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, str(HOST), url, "/a", str(first), "100000"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def acknowledged(host: subprocess.Popen[str]) -> set[str]:
    """What a host has printed until it ended."""
    assert host.stdout is not None
    return {line.strip() for line in host.stdout if line.endswith("\n")} - {"ready"}


def test_what_a_killed_client_was_told_is_there(url: str) -> None:
    with agentmem.open(url) as store:
        for round in range(3):
            host = start_host(url, 1000 * round)
            wait_until(lambda wanted=1000 * round + 5: store.get(str(wanted)) is not None)
            host.send_signal(signal.SIGKILL)
            told = acknowledged(host)
            host.wait()
            there = {record.id for record in store.list(limit=None) if int(record.id) // 1000 == round}
            assert told <= there
            assert len(there - told) <= 1
        assert store.verify().ok
        store.add("and on", scope="/a")


def test_cut_connections_are_replaced(url: str, server: Server) -> None:
    with agentmem.open(url) as store:
        store.add("red car")
        cut = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {OURS}"
        for _ in range(3):
            server.sql(cut)
            assert len(store.search("car")) == 1
            server.sql(cut)
            store.add("blue bike")
        assert store.count() == 4


def test_a_connection_that_is_cut_during_a_call_is_an_error_of_that_call(url: str, server: Server) -> None:
    with agentmem.open(url) as store:
        store.add("red car")
        schema = url.rsplit("%3D", 1)[1]
        with_lock = (
            f"BEGIN; LOCK TABLE {schema}.agentmem_records IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2)"
        )
        lock = threading.Thread(target=server.sql, args=(with_lock,))
        lock.start()
        waits = f"SELECT pid FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'"
        errors: list[Exception] = []

        def read() -> None:
            try:
                store.count(scope="/a")
            except Exception as error:
                errors.append(error)

        wait_until(
            lambda: server.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") != "0"
        )
        reader = threading.Thread(target=read)
        reader.start()
        wait_until(lambda: server.sql(waits))
        server.sql(f"SELECT pg_terminate_backend(pid) FROM ({waits}) AS waiting")
        reader.join()
        lock.join()
        assert isinstance(errors[0], agentmem.StorePathError)
        assert store.count() == 1


def test_a_restart_of_the_server_loses_nothing(fragile: Server) -> None:
    url = fragile.store(space_depth=0)
    with agentmem.open(url) as store:
        store.add("before", id="before")
        fragile.stop()
        with pytest.raises(agentmem.StorePathError):
            store.search("before")
        with pytest.raises(agentmem.StorePathError):
            store.add("meanwhile")
        fragile.start()
        assert [hit.record.id for hit in store.search("before")] == ["before"]
        store.add("after")
        assert store.count() == 2


def test_a_crash_of_the_server_loses_nothing_that_was_acknowledged(fragile: Server) -> None:
    url = fragile.store(space_depth=0)
    host = start_host(url)
    with agentmem.open(url) as store:
        wait_until(lambda: store.get("20") is not None)
        fragile.stop("immediate")
        told = acknowledged(host)
        assert host.wait() != 0
        fragile.start()
        there = {record.id for record in store.list(limit=None)}
        assert told <= there
        assert len(there - told) <= 1
        assert store.verify().ok
        assert len(store.search("record of a host", limit=100_000)) == len(there)


def test_a_statement_that_times_out_says_so(url: str, server: Server) -> None:
    server.sql("DROP ROLE IF EXISTS hasty; CREATE ROLE hasty LOGIN SUPERUSER")
    server.sql("ALTER ROLE hasty SET statement_timeout = 300")
    schema = url.rsplit("%3D", 1)[1]
    with agentmem.open(server.url(schema=schema, user="hasty")) as store:
        store.add("red car")
        lock = f"BEGIN; LOCK TABLE {schema}.agentmem_records IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2)"
        thread = threading.Thread(target=server.sql, args=(lock,))
        thread.start()
        wait_until(
            lambda: server.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") != "0"
        )
        with pytest.raises(agentmem.StoreBusyError, match="canceled"):
            store.count(scope="/a")
        thread.join()
        assert store.count() == 1


def test_too_many_connections_are_waited_for_and_then_an_error(fragile: Server) -> None:
    url = fragile.store(space_depth=0)
    psql = ["psql", "-Xqt", "-d", fragile.url(), "-c", "SELECT pg_sleep(5)"]
    sleepers = [
        subprocess.Popen(psql, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(12)
    ]
    wait_until(lambda: any(sleeper.poll() for sleeper in sleepers))  # the server has refused one
    start = time.monotonic()
    with pytest.raises(agentmem.StoreBusyError, match="every connection of the server"):
        agentmem.open(url, busy_timeout=1.0)
    assert time.monotonic() - start < 3
    with agentmem.open(url, busy_timeout=20.0) as store:
        store.add("there is room again")
    for sleeper in sleepers:
        sleeper.wait()


VANISHING = """
import sys, time
import agentmem

with agentmem.open(sys.argv[1], busy_timeout=2) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.monotonic()
    try:
        store.count(scope="/a")
    except agentmem.StorePathError:
        print(time.monotonic() - start)
"""


@needs_network
@pytest.mark.parametrize("when", ["before a call", "during a call"])
def test_a_server_that_vanishes_without_a_word_is_an_error_in_time(when: str) -> None:
    server, network = Server("listen_addresses=*"), Network(100)
    with (server.data / "pg_hba.conf").open("a") as file:
        file.write(f"host all all {network.server}/24 trust\n")
    server.sql("SELECT pg_reload_conf()")
    agentmem.migrate(server.url(), space_depth=0)
    try:
        program = [*network.command(), sys.executable, "-c", VANISHING]
        program += [f"postgresql://postgres@{network.server}:{server.port}/postgres"]
        client = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
        if when == "before a call":
            network.pull()
            answer = client.communicate("go\n", timeout=30)[0]
        else:
            lock = "BEGIN; LOCK TABLE agentmem_records IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)"
            psql = subprocess.Popen(
                ["psql", "-Xqt", "-d", server.url(), "-c", lock], stderr=subprocess.DEVNULL
            )
            held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
            wait_until(lambda: server.sql(held) != "0")
            assert client.stdin is not None
            client.stdin.write("go\n")
            client.stdin.flush()
            waits = f"SELECT 1 FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'"
            wait_until(lambda: server.sql(waits))
            network.pull()
            answer = client.communicate(timeout=30)[0]
            psql.kill()
        assert float(answer) < 10
    finally:
        client.kill()
        network.remove()
        server.remove()


def test_a_server_that_is_not_there_is_reported_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(agentmem.StorePathError, match=r"127\.0\.0\.1"):
        agentmem.open("postgresql://nobody:secret@127.0.0.1:1/none")
    assert time.monotonic() - start < 5
    with pytest.raises(agentmem.StorePathError) as error:
        agentmem.open("postgresql://nobody:secret@127.0.0.1:1/none")
    assert "secret" not in str(error.value)


def test_a_database_that_is_not_there_is_reported(server: Server) -> None:
    with pytest.raises(agentmem.StorePathError, match="does not exist"):
        agentmem.open(server.url("nothing"))


def test_a_read_only_store_writes_nothing(url: str) -> None:
    with agentmem.open(url) as store:
        store.add("red car")
    with agentmem.open(url, read_only=True) as store:
        assert len(store.search("car")) == 1
        with pytest.raises(agentmem.StoreReadOnlyError):
            store.add("blue car")
