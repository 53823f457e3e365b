"""Stores of every schema version open, an older one with a backup beside it; looking at it never writes."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

import agentmem
from agentmem import MemoryStore
from agentmem.cli import cli

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("store_v*.db"))


@pytest.fixture(params=FIXTURES, ids=lambda fixture: fixture.stem)
def old(request: pytest.FixtureRequest, path: Path) -> Path:
    shutil.copy(request.param, path)
    return path


def versions(path: Path) -> tuple[int, int]:
    status = json.loads(
        CliRunner().invoke(cli, ["migrate", "--status", "--json", "--path", str(path)]).stdout
    )
    return status["current"], status["latest"]


def test_there_is_a_fixture_of_each_version(old: Path) -> None:
    current, latest = versions(old)
    assert old.exists()
    assert len(FIXTURES) == latest
    assert 1 <= current <= latest


def test_looking_does_not_write(old: Path) -> None:
    before = old.read_bytes()
    for option in ("--status", "--dry-run"):
        assert CliRunner().invoke(cli, ["migrate", option, "--path", str(old)]).exit_code == 0
    assert old.read_bytes() == before
    assert [file.name for file in old.parent.iterdir()] == [old.name]


def test_opening_migrates(old: Path) -> None:
    current, latest = versions(old)
    with agentmem.open(old) as store:
        assert store.count(include_private=True) > 0
        assert store.verify()
        record = store.list(1)[0]
        assert record.id in {hit.record.id for hit in store.search(record.content, 100)}
        store.add("written by today's version")
        assert store.stats().schema_version == latest
    assert versions(old) == (latest, latest)
    others = [file for file in old.parent.iterdir() if file != old and file.is_file()]
    backups = [file for file in others if not file.name.endswith(("-wal", "-shm"))]
    assert [versions(backup)[0] for backup in backups] == [current] * (current < latest)


def test_the_command_migrates(old: Path) -> None:
    result = CliRunner().invoke(cli, ["migrate", "--json", "--path", str(old)])
    assert result.exit_code == 0
    assert versions(old)[0] == versions(old)[1]
    assert CliRunner().invoke(cli, ["verify", "--path", str(old)]).exit_code == 0


def test_a_newer_schema_is_refused(path: Path) -> None:
    agentmem.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(agentmem.SchemaTooNewError, match="99"):
        agentmem.open(path)
    result = CliRunner().invoke(cli, ["migrate", "--status", "--path", str(path)])
    assert result.exit_code == 1
    assert "upgrade" in result.stderr
    assert path.read_bytes() == before


def test_an_open_store_that_a_newer_version_migrates_is_read_no_more(store: MemoryStore) -> None:
    id = store.add("before")
    assert store.get(id) is not None
    with closing(sqlite3.connect(store.path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    time.sleep(0.15)  # a reader checks the version ten times a second
    for read in (lambda: store.get(id), store.list, store.count, lambda: store.search("before")):
        with pytest.raises(agentmem.SchemaTooNewError, match="99"):
            read()


def test_reading_alone_does_not_migrate(path: Path) -> None:
    shutil.copy(FIXTURES[0], path)
    before = path.read_bytes()
    with pytest.raises(agentmem.StoreReadOnlyError, match="migrate"):
        agentmem.open(path, read_only=True)
    assert path.read_bytes() == before


def test_migration_status_writes_nothing(path: Path) -> None:
    none = agentmem.migration_status(path)
    assert none.current == 0
    assert len(none.pending) == none.latest
    assert not path.exists()
    agentmem.open(path).close()
    assert agentmem.migration_status(path).to_dict() == {
        "current": none.latest,
        "latest": none.latest,
        "pending": [],
    }
