"""Several hosts use one store."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from postgres_server import Server

import agentmem

HOST = Path(__file__).with_name("host.py")


def host(url: str, scope: str, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(HOST), url, scope, str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_write_is_found_by_the_next_search_of_another_host(url: str) -> None:
    with agentmem.open(url) as reader:
        assert reader.search("record", limit=100) == []
        writer = host(url, "/", 0, 30)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for line in writer.stdout:
            number = line.strip()
            assert number in {hit.record.id for hit in reader.search(f"record {number}", limit=100)}
        assert writer.wait() == 0
        assert reader.verify().ok


def test_writers_of_one_space_lose_nothing_and_their_readers_miss_nothing(url: str) -> None:
    writers = [host(url, "/", 1000 * number, 60) for number in range(3)]
    seen: list[int] = []
    with agentmem.open(url) as store:
        cursor = store.changes(limit=0).cursor
        while len(seen) < 180:
            page = store.changes(cursor)
            seen += [change.version for change in page.items]
            cursor = page.cursor
        for writer in writers:
            assert writer.communicate()[0].count("\n") == 61
            assert writer.returncode == 0
        assert seen == sorted(set(seen))
        assert store.count() == 180
        assert len(store.search("record of a host", limit=1000)) == 180
        assert store.verify().ok


def test_compare_and_set_has_one_winner(url: str) -> None:
    with agentmem.open(url) as one, agentmem.open(url) as other:
        id = one.add("0")

        def count(store: agentmem.MemoryStore) -> None:
            for _ in range(20):
                while True:
                    record = store.get(id)
                    assert record is not None
                    try:
                        store.update(id, content=str(int(record.content) + 1), if_version=record.version)
                        break
                    except agentmem.ConflictError:
                        pass

        threads = [threading.Thread(target=count, args=(store,)) for store in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.get(id).content == "40"  # type: ignore[union-attr]


def test_writers_of_different_spaces_do_not_wait_for_each_other(server: Server) -> None:
    url = server.store(space_depth=1)
    with agentmem.open(url, busy_timeout=2.0) as store:
        store.add("first", scope="/a")
        store.add("first", scope="/b")
        schema = url.rsplit("%3D", 1)[1]
        lock = (
            f"BEGIN; SELECT * FROM {schema}.agentmem_spaces WHERE path = '/a' FOR UPDATE; SELECT pg_sleep(6)"
        )
        holder = threading.Thread(target=server.sql, args=(lock,))
        holder.start()
        time.sleep(0.5)
        store.add("second", scope="/b")
        start = time.monotonic()
        with pytest.raises(agentmem.StoreBusyError):
            store.add("second", scope="/a")
        assert 1.5 < time.monotonic() - start < 5
        assert len(store.search("first", scope="/a")) == 1
        holder.join()
        store.add("second", scope="/a")


def test_another_host_fetches_the_index_that_one_wrote(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"record {number} about cars" for number in range(6000)]
    with agentmem.open(url) as store:
        store.add_many(texts)
        expected = [hit.record.content for hit in store.search("record 4711")]
        store.delete(ids=[store.search("record 17", limit=1)[0].record.id])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    with agentmem.open(url) as store:
        assert store.stats().segments > 0
        assert [hit.record.content for hit in store.search("record 4711")] == expected
        assert len(store.search("cars", limit=10_000)) == 5999
        assert store.verify().ok


def test_a_damaged_index_is_built_again(
    url: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agentmem.open(url) as store:
        store.add_many([f"record {number}" for number in range(5000)])
    schema = url.rsplit("%3D", 1)[1]
    server.sql(f"UPDATE {schema}.agentmem_chunks SET data = set_byte(data, 100, 255 - get_byte(data, 100))")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    with agentmem.open(url) as store:
        assert store.stats().index_invalidated == 1
        assert len(store.search("record", limit=10_000)) == 5000
        assert store.verify().ok
