"""Servers that do not let agentmem in, and databases that hold something else: errors say what to do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from postgres_server import Server

import agentmem
from agentmem.store.path import shown as shown_url

CALLS = [agentmem.open, agentmem.migrate, agentmem.migration_status]


@pytest.fixture(scope="module")
def guarded(server: Server) -> str:
    """The address of a server that asks the role `shy` for a password, which is "right"."""
    server.sql("CREATE ROLE shy LOGIN PASSWORD 'right'")
    rules = server.data / "pg_hba.conf"
    rules.write_text("host all shy all scram-sha-256\n" + rules.read_text())
    server.sql("SELECT pg_reload_conf()")
    return f"127.0.0.1:{server.port}/postgres"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("shy:wrong", "password authentication failed"),
        ("shy", r"asks for a password: give it in the URL, in PGPASSWORD or in ~/\.pgpass"),
        ("nobody", 'role "nobody" does not exist'),
    ],
)
def test_who_may_not_connect_is_told(guarded: str, call: Callable[[str], object], who: str, why: str) -> None:
    with pytest.raises(agentmem.StorePathError, match=why) as error:
        call(f"postgresql://{who}@{guarded}")
    assert "wrong" not in str(error.value)


def test_a_server_without_tls_is_refused_if_it_is_required(server: Server) -> None:
    with pytest.raises(agentmem.StorePathError, match="server does not support TLS; `sslmode` says"):
        agentmem.open(server.url() + "?sslmode=require")


@pytest.mark.parametrize("password", ["sek/ret", "sek@ret", "sek:/@ret"])
def test_a_password_that_is_not_escaped_is_refused_and_not_shown(server: Server, password: str) -> None:
    url = server.url().replace("postgres@", f"postgres:{password}@")
    with pytest.raises(agentmem.InvalidFilterError, match="%2F") as error:
        agentmem.open(url)
    for shown in (str(error.value), shown_url(url)):
        assert "sek" not in shown
        assert "ret" not in shown


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_not_there_was_never_connected(call: Callable[[str], object]) -> None:
    for host in ("127.0.0.1:1", "no.such.host.invalid"):
        start = time.monotonic()
        with pytest.raises(agentmem.StorePathError, match="error connecting to server") as error:
            call(f"postgresql://me@{host}/memory")
        assert "lost" not in str(error.value)
        assert time.monotonic() - start < 10


def test_who_may_not_make_tables_is_told(guarded: str) -> None:
    with pytest.raises(agentmem.StorePathError, match="permission denied for schema"):
        agentmem.migrate(f"postgresql://shy:right@{guarded}")


@pytest.mark.parametrize("table", ["agentmem_meta", "agentmem_records"])
def test_tables_of_others_stay_as_they_are(server: Server, table: str) -> None:
    schema = f"taken_{table}"
    server.sql(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.{table} AS SELECT 7 AS theirs")
    with pytest.raises(agentmem.NotAStoreError):
        agentmem.open(server.url(schema=schema))
    with pytest.raises(agentmem.NotAStoreError, match="use another schema"):
        agentmem.migrate(server.url(schema=schema))
    assert server.sql(f"SELECT theirs FROM {schema}.{table}") == "7"


def test_a_store_whose_tables_are_gone_says_so(server: Server) -> None:
    url = server.store(space_depth=1)
    with agentmem.open(url) as store:
        store.add("x", scope="/a")
        server.sql(f"DROP TABLE {url.rsplit('%3D', 1)[1]}.agentmem_records")
        for call in (
            lambda: store.add("y", scope="/a"),
            lambda: store.get("y"),
            lambda: store.list(),
        ):
            with pytest.raises(agentmem.NotAStoreError, match="agentmem migrate"):
                call()


def test_who_may_only_read_can_open_and_search(guarded: str, server: Server) -> None:
    url = server.store(space_depth=1)
    schema = url.rsplit("%3D", 1)[1]
    with agentmem.open(url) as store:
        store.add("red car", scope="/a")
    server.sql(f"GRANT USAGE ON SCHEMA {schema} TO shy; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO shy")
    reading = url.replace("postgres@", "shy:right@", 1)
    for read_only, error in ((True, agentmem.StoreReadOnlyError), (False, agentmem.StorePathError)):
        with agentmem.open(reading, read_only=read_only) as store:
            assert len(store.search("car", scope="/a")) == 1
            assert store.verify().ok
            with pytest.raises(error):
                store.add("blue car", scope="/a")
            assert store.count() == 1
