"""Checkpoints are durable and pruned, and CrewAI restores them itself."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing

import pytest
from crewai import CheckpointConfig, Crew
from crewai.state.provider.sqlite_provider import SqliteProvider
from scripted import ScriptedLLM, make_crew

from agentmem.crewai import AgentMemCheckpointProvider


def rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT id, parent_id, branch, data FROM checkpoints ORDER BY rowid"
        ).fetchall()


def test_crewai_restores_a_crew(tmp_path):
    path = str(tmp_path / "checkpoints.db")
    config = CheckpointConfig(location=path, provider=AgentMemCheckpointProvider())
    make_crew(ScriptedLLM(model="scripted"), checkpoint=config).kickoff()
    checkpoint_id = rows(path)[0][0]
    restored = Crew.from_checkpoint(CheckpointConfig(restore_from=f"{path}#{checkpoint_id}"))
    assert restored.tasks[0].output.raw.endswith("says the memo ZEBRA.")


def test_crewais_command_lists_them(tmp_path):
    from crewai_cli.checkpoint_cli import _list_sqlite

    path = str(tmp_path / "checkpoints.db")
    provider = AgentMemCheckpointProvider()
    location = provider.checkpoint(json.dumps({"entities": []}), path)
    assert provider.extract_id(location) in str(_list_sqlite(path))


def test_only_the_newest_of_each_branch_are_kept(tmp_path):
    path = str(tmp_path / "new" / "checkpoints.db")
    provider = AgentMemCheckpointProvider(keep=2)
    for n in range(4):
        provider.checkpoint(json.dumps({"n": n}), path, parent_id=str(n), branch="main")
    provider.checkpoint('{"n": 9}', path, branch="other")
    assert [json.loads(row[3])["n"] for row in rows(path)] == [2, 3, 9]
    assert provider.prune(path, 1, branch="main") == 1


def test_what_is_written_is_read(tmp_path):
    provider, path = AgentMemCheckpointProvider(), str(tmp_path / "checkpoints.db")
    text = json.dumps({"text": "Grüße 👋", "n": [1.5, None]})
    location = asyncio.run(provider.acheckpoint(text, path))
    assert json.loads(provider.from_checkpoint(location)) == json.loads(text)
    assert json.loads(SqliteProvider().from_checkpoint(location)) == json.loads(text)
    with pytest.raises(ValueError, match="not found"):
        provider.from_checkpoint(f"{path}#none")


def test_eight_threads_lose_nothing(tmp_path):
    provider, path = AgentMemCheckpointProvider(), str(tmp_path / "checkpoints.db")
    write = [threading.Thread(target=provider.checkpoint, args=("{}", path)) for _ in range(24)]
    [thread.start() for thread in write]
    [thread.join() for thread in write]
    assert len(rows(path)) == 24
