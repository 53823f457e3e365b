"""Checkpoints are durable and pruned, and CrewAI restores them itself."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing

import pytest
from crewai import CheckpointConfig, Crew
from crewai.events import crewai_event_bus
from crewai.memory.unified_memory import Memory
from crewai.state.provider.sqlite_provider import SqliteProvider
from scripted import ScriptedLLM, make_crew

from agentmem.crewai import AgentMemCheckpointProvider, UnifiedStorage, crew_memory


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


def why_no_checkpoint(folder, caplog, memory):
    """Why a crew with this memory gets no checkpoint; None if it gets one."""
    caplog.clear()
    config = CheckpointConfig(location=str(folder / "checkpoints.db"), provider=AgentMemCheckpointProvider())
    make_crew(ScriptedLLM(model="scripted"), memory=memory, checkpoint=config).kickoff()
    crewai_event_bus.flush()
    errors = [record.exc_info[1] for record in caplog.records if "checkpoint" in record.name]
    return str(errors[0]) if errors else None


def test_our_memory_is_no_obstacle_to_a_checkpoint(path):
    memory = crew_memory(path)["memory"]
    assert json.loads(memory.model_dump_json())["storage"] == "lancedb"
    assert isinstance(memory._storage, UnifiedStorage)


def test_a_crew_with_our_memory_gets_a_checkpoint_if_one_with_crewais_does(path, tmp_path, caplog):
    llm = ScriptedLLM(model="scripted")
    theirs = Memory(
        storage=str(tmp_path / "lance"), embedder=lambda texts: [[1.0, 0.5] for _ in texts], llm=llm
    )
    # An LLM and an embedder that checkpoints can hold need a key. Their names are enough for a checkpoint.
    theirs.__dict__.update(embedder=None, llm="gpt-4o-mini")
    expected = why_no_checkpoint(tmp_path / "theirs", caplog, theirs)
    assert why_no_checkpoint(tmp_path / "ours", caplog, crew_memory(path)["memory"]) == expected
