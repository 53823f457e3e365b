"""CrewAI's checkpoints, in a SQLite file that CrewAI's own commands read. Needs crewai >= 1.14.

>>> from crewai import CheckpointConfig
>>> from agentmem.crewai import AgentMemCheckpointProvider
>>> config = CheckpointConfig(location="checkpoints.db", provider=AgentMemCheckpointProvider())
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path

from crewai.state.provider.sqlite_provider import SqliteProvider

_BUSY_TIMEOUT = 30.0
_CREATE = """
CREATE TABLE IF NOT EXISTS checkpoints (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    parent_id TEXT,
    branch TEXT NOT NULL DEFAULT 'main',
    data JSONB NOT NULL
)
"""
_INSERT = "INSERT INTO checkpoints (id, created_at, parent_id, branch, data) VALUES (?, ?, ?, ?, ?)"
_PRUNE = """
DELETE FROM checkpoints WHERE branch = ? AND rowid NOT IN (
    SELECT rowid FROM checkpoints WHERE branch = ? ORDER BY rowid DESC LIMIT ?
)
"""


class AgentMemCheckpointProvider(SqliteProvider):
    """Writes checkpoints as JSON text, durably, and keeps the newest `keep` of each branch.

    CrewAI's own provider loses every checkpoint where SQLite is older than 3.45. The file is a plain SQLite
    database beside the memory, with CrewAI's table, so that `crewai checkpoint` and a restore work as always.
    """

    keep: int = 100

    def checkpoint(
        self, data: str, location: str, *, parent_id: str | None = None, branch: str = "main"
    ) -> str:
        """Write a checkpoint to the file `location`. Returns `location#id`."""
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
        checkpoint_id = f"{now}_{uuid.uuid4().hex[:8]}"
        Path(location).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(location, timeout=_BUSY_TIMEOUT)) as connection:
            with suppress(sqlite3.OperationalError):  # while another connection does so, SQLite does not wait
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            with connection:
                connection.execute(_CREATE)
                connection.execute(_INSERT, (checkpoint_id, now, parent_id, branch, data))
                connection.execute(_PRUNE, (branch, branch, self.keep))
        return f"{location}#{checkpoint_id}"

    async def acheckpoint(
        self, data: str, location: str, *, parent_id: str | None = None, branch: str = "main"
    ) -> str:
        """Do what `checkpoint` does, in another thread."""
        return await asyncio.to_thread(self.checkpoint, data, location, parent_id=parent_id, branch=branch)
