"""Behind pgbouncer in transaction mode, which passes each transaction to any session of the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server, free_port, program, wait_until

import agentmem

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")


@pytest.fixture
def pooled(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A store behind pgbouncer, which has so many sessions of the server."""
    sessions, port = request.param, free_port()
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"""
        [databases]
        pooled = host=127.0.0.1 port={server.port} user=postgres
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = {sessions}
        """
    )
    server.sql("CREATE DATABASE pooled")
    agentmem.migrate(server.url("pooled"), partitions=4)
    unprivileged = ["-u", "postgres"] if os.getuid() == 0 else []
    command = [str(PGBOUNCER), "-q", *unprivileged, str(settings)]
    pgbouncer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"postgresql://postgres@127.0.0.1:{port}/pooled"
    wait_until(lambda: subprocess.run([str(program("pg_isready")), "-qd", url]).returncode == 0)
    yield url
    pgbouncer.terminate()
    pgbouncer.wait()
    server.sql("DROP DATABASE pooled WITH (FORCE)")


def sql(url: str, statements: str) -> str:
    """Run statements in a session of the pooler's."""
    command = [str(program("psql")), "-XqtA", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def prepared(url: str) -> int:
    """How many statements the session has that agentmem prepared."""
    return int(sql(url, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%agentmem_%'"))


@pytest.mark.parametrize("pooled", [3], indirect=True)
def test_many_threads_share_a_few_sessions(pooled: str) -> None:
    failed: list[BaseException] = []

    def work(store: agentmem.MemoryStore, scope: str) -> None:
        try:
            for number in range(30):
                id = store.add(f"record {number}", scope=scope)
                assert id in {hit.record.id for hit in store.search(f"{number}", scope=scope)}
        except BaseException as error:
            failed.append(error)

    with agentmem.open(pooled, pool_size=12) as store:
        threads = [threading.Thread(target=work, args=(store, f"/{thread}")) for thread in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert store.count() == 12 * 30
        assert store.verify().ok


@pytest.mark.parametrize("pooled", [1], indirect=True)
def test_a_statement_that_is_not_prepared_any_more_runs_all_the_same(pooled: str) -> None:
    with agentmem.open(pooled) as store:
        store.add("red car", scope="/a")
        assert prepared(pooled) == 1
        sql(pooled, "DEALLOCATE ALL")
        store.add("blue car", scope="/a")
        store.add("green car", scope="/a")
        assert prepared(pooled) == 0, "from then on nothing is prepared"
        assert store.count() == 3
        assert store.verify().ok


@pytest.mark.parametrize("pooled", [1], indirect=True)
def test_a_statement_that_another_version_prepared_under_the_same_name_is_not_run(pooled: str) -> None:
    with agentmem.open(pooled) as store:
        store.add("red car", scope="/a")
        other = "replace(replace(statement, '''agentmem ', '''agentmem of old, '), '$1, before', '7, before')"
        swap = f"""
            SELECT format('DEALLOCATE %I; PREPARE %I (%s) AS %s', name, name, types, {other})
            FROM pg_prepared_statements, array_to_string(parameter_types, ', ') AS types
            WHERE statement LIKE '%agentmem_%'"""
        sql(pooled, sql(pooled, swap))
        assert "agentmem of old" in sql(pooled, "SELECT statement FROM pg_prepared_statements")
        store.add("blue car", scope="/a")
        assert sql(pooled, "SELECT count(DISTINCT space) FROM agentmem_records") == "1"
        assert store.count() == 2
        assert store.verify().ok
