"""A pytest plugin that puts AgentMemSession in SQLiteSession's place, for the SDK's own tests.

Tests that look into SQLiteSession's database or private names are left out: they are about that class.
"""

import inspect
import re
import tempfile
from pathlib import Path

import agents
import agents.extensions.memory.advanced_sqlite_session  # keeps the real class
import agents.extensions.memory.encrypt_session
import agents.memory
import agents.memory.sqlite_session
from postgres_server import place

from agentmem.openai_agents import AgentMemSession

PRIVATE = re.compile(
    r"session\w*\._\w|sqlite3\.|agent_messages|agent_sessions|messages_table|sessions_table|_file_locks"
    r"|SQLiteSession is closed|_get_compaction_snapshot|_CompactionSnapshot|db_path\b.*SELECT"
)

# Tests of private hooks that only SQLiteSession has. Without them, the SDK takes its general path.
HOOKS = {
    "test_encrypted_compaction_skips_unencrypted_stored_history": "_get_compaction_snapshot",
    "test_encrypted_pop_preserves_sqlalchemy_history": "_pop_item_with_validation",
    "test_encrypted_pop_wrong_key_preserves_recoverable_history": "_pop_item_with_validation",
    "test_encrypted_pop_rechecks_authentication_after_expired_tail": "_pop_item_with_validation",
    "test_encrypted_pop_cancellation_waits_for_authentication_rollback": "_pop_item_with_validation",
    "test_backend_read_limit_cannot_hide_retained_history_from_compaction": "_get_compaction_snapshot",
    "test_expired_read_overhead_does_not_authorize_hidden_history": "_get_compaction_snapshot",
    "test_automatic_compaction_rollback_budget": "_get_compaction_snapshot",
}


class Swapped(AgentMemSession):
    """Takes SQLiteSession's arguments."""

    def __init__(self, session_id, db_path=":memory:", *_, session_settings=None, **__):
        if str(db_path) == ":memory:":
            db_path = Path(tempfile.mkdtemp(prefix="agentmem-official-")) / "session.db"
        super().__init__(session_id, place(db_path), session_settings=session_settings)


for module in (agents, agents.memory, agents.memory.sqlite_session):
    module.SQLiteSession = Swapped


def pytest_collection_modifyitems(config, items):
    kept, left_out = [], []
    for item in items:
        source = inspect.getsource(item.function)
        uses = "SQLiteSession" in source or "SQLiteSession" in inspect.getsource(
            inspect.getmodule(item.function)
        )
        private = PRIVATE.search(source) or item.function.__name__ in HOOKS
        (kept if uses and not private else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
