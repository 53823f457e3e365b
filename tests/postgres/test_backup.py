"""A dump restores a store, with the files of its index or without them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from postgres_server import Server, program

import agentmem


@pytest.mark.parametrize("without", [[], ["chunks"], ["chunks", "segments"]])
def test_a_dump_restores_everything(
    server: Server, without: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("original", "restored"):
        server.sql(f"DROP DATABASE IF EXISTS {name}")
        server.sql(f"CREATE DATABASE {name}")
    agentmem.migrate(server.url("original"), partitions=2)
    with agentmem.open(server.url("original")) as store:
        store.add_many([{"content": f"car {n}", "scope": "/a"} for n in range(5000)])
        store.delete(ids=[store.search("car 17", scope="/a")[0].record.id])
        store.journal("a/log").append("kept")
    left_out = [f"--exclude-table-data=agentmem_{part}*" for part in without]
    dump = str(tmp_path / "dump")
    command = [str(program("pg_dump")), "--format=custom", *left_out, "-f", dump, server.url("original")]
    subprocess.run(command, check=True)
    subprocess.run([str(program("pg_restore")), "-d", server.url("restored"), dump], check=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    with agentmem.open(server.url("restored")) as store:
        assert len(store.search("car", limit=10_000, scope="/a")) == 4999
        assert [entry.value for entry in store.journal("a/log").read()] == ["kept"]
        assert store.verify().ok
