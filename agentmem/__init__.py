"""A persistent memory database for agents, in one SQLite file, with full-text and TF-IDF search.

>>> import agentmem
>>> store = agentmem.open("memory.db")
>>> id = store.add("Alice prefers email over phone.", scope="/user/alice")
>>> store.search("how do I reach alice?")[0].record.content
'Alice prefers email over phone.'
"""

import contextlib
from pkgutil import extend_path
from typing import TYPE_CHECKING

# In a checkout, this folder is imported, and the compiled module is that of the installed package.
with contextlib.suppress(FileNotFoundError):  # the working directory, which is on the path, is gone
    __path__ = extend_path(__path__, __name__)

from agentmem._batch import AsyncBatch, Batch, BatchCall, BatchJournal
from agentmem._core import Entry, Hit, Journal, Record, __version__, analyze
from agentmem._text_id import text_id
from agentmem.default import (
    add,
    add_many,
    backup,
    batch,
    categories,
    changes,
    close,
    count,
    default_store,
    delete,
    duplicates,
    embed_missing,
    explain,
    export,
    get,
    get_many,
    history,
    import_,
    journal,
    journals,
    purge,
    put,
    put_many,
    rebuild,
    reset,
    scope_info,
    scopes,
    search,
    search_many,
    stats,
    supersede,
    touch,
    update,
    verify,
)
from agentmem.default import list as list
from agentmem.errors import (
    AgentMemError,
    BatchError,
    ConflictError,
    CorruptStoreError,
    DimensionMismatchError,
    DuplicateIdError,
    EmbedderMismatchError,
    InvalidFilterError,
    InvalidRecordError,
    NotAStoreError,
    RecordNotFoundError,
    SchemaTooNewError,
    StoreBusyError,
    StoreClosedError,
    StorePathError,
    StoreReadOnlyError,
)
from agentmem.store import MemoryStore, migrate, migration_status
from agentmem.store import open as open
from agentmem.types import Change, Changes, Explanation

if TYPE_CHECKING:
    from agentmem import aio as aio
else:

    def __getattr__(name):
        """Load `agentmem.aio`, and asyncio with it, at first use."""
        if name != "aio":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        return importlib.import_module("agentmem.aio")


# Without `open` and `list`: `from agentmem import *` must not replace builtins.
__all__ = [
    "AgentMemError",
    "AsyncBatch",
    "Batch",
    "BatchCall",
    "BatchError",
    "BatchJournal",
    "Change",
    "Changes",
    "ConflictError",
    "CorruptStoreError",
    "DimensionMismatchError",
    "DuplicateIdError",
    "EmbedderMismatchError",
    "Entry",
    "Explanation",
    "Hit",
    "InvalidFilterError",
    "InvalidRecordError",
    "Journal",
    "MemoryStore",
    "NotAStoreError",
    "Record",
    "RecordNotFoundError",
    "SchemaTooNewError",
    "StoreBusyError",
    "StoreClosedError",
    "StorePathError",
    "StoreReadOnlyError",
    "__version__",
    "add",
    "add_many",
    "analyze",
    "backup",
    "batch",
    "categories",
    "changes",
    "close",
    "count",
    "default_store",
    "delete",
    "duplicates",
    "embed_missing",
    "explain",
    "export",
    "get",
    "get_many",
    "history",
    "import_",
    "journal",
    "journals",
    "migrate",
    "migration_status",
    "purge",
    "put",
    "put_many",
    "rebuild",
    "reset",
    "scope_info",
    "scopes",
    "search",
    "search_many",
    "stats",
    "supersede",
    "text_id",
    "touch",
    "update",
    "verify",
]
