"""Tables are made by `agentmem migrate` alone."""

from __future__ import annotations

import threading

import pytest
from click.testing import CliRunner
from postgres_server import Server

import agentmem
from agentmem.cli import cli


@pytest.fixture
def bare(server: Server) -> str:
    """A schema without tables."""
    server.sql("DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare")
    return server.url(schema="bare")


def migrate(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["migrate", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_opening_makes_no_tables_and_says_what_to_do(bare: str, server: Server) -> None:
    with pytest.raises(agentmem.NotAStoreError, match="agentmem migrate"):
        agentmem.open(bare)
    assert server.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'bare'::regnamespace") == "0"


def test_migrate_says_what_it_would_do_and_does_it(bare: str) -> None:
    assert "version 0; the newest is 1" in migrate(bare, "--status")
    assert "would apply 0001_store" in migrate(bare, "--dry-run")
    assert agentmem.migration_status(bare).current == 0
    assert "applied 0001_store" in migrate(bare, "--space-depth", "2", "--partitions", "3")
    assert "nothing to do" in migrate(bare)
    with agentmem.open(bare) as store:
        store.add("here", scope="/a/b/c")
        assert store.search("here", scope="/a/b")


def test_space_depth_and_partitions_are_fixed(bare: str) -> None:
    agentmem.migrate(bare, space_depth=1, partitions=2)
    assert agentmem.migrate(bare).pending == []
    with pytest.raises(
        agentmem.InvalidFilterError, match="space depth 1 and 2 partitions, which cannot change"
    ):
        agentmem.migrate(bare, space_depth=2)
    for plan in ({"space_depth": 17}, {"partitions": 1025}):
        with pytest.raises(agentmem.InvalidFilterError, match="must be 0 to"):
            agentmem.migrate(bare, **plan)


def test_a_newer_schema_is_refused(bare: str, server: Server) -> None:
    agentmem.migrate(bare, partitions=0)
    server.sql("UPDATE bare.agentmem_meta SET value = '99' WHERE key = 'version'")
    for call in (agentmem.open, agentmem.migrate, agentmem.migration_status):
        with pytest.raises(agentmem.SchemaTooNewError, match="99"):
            call(bare)


def test_two_migrations_at_once_make_one_store(bare: str, server: Server) -> None:
    outcomes: list[int] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(len(agentmem.migrate(bare, partitions=8).pending)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 0, 0, 1]
    agentmem.open(bare).close()


def test_a_database_in_another_encoding_is_refused(server: Server) -> None:
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(agentmem.NotAStoreError, match="LATIN1; agentmem needs UTF8"):
        agentmem.migrate(server.url("latin"))


def test_files_need_no_migration(tmp_path: object) -> None:
    with pytest.raises(agentmem.InvalidFilterError, match="migrated when it is opened"):
        agentmem.migrate("memory.db")


def test_what_a_file_has_and_a_database_has_not_is_refused(url: str, tmp_path: object) -> None:
    with pytest.raises(agentmem.InvalidFilterError, match='index="disk" is for stores in files'):
        agentmem.open(url, index="disk")
    with agentmem.open(url) as store, pytest.raises(agentmem.InvalidFilterError, match="pg_dump"):
        store.backup("copy.db")
