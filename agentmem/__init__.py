"""A persistent memory database for agents: one SQLite file, full-text and TF-IDF search.

>>> import agentmem
>>> store = agentmem.open("memory.db")
>>> store.add("Alice prefers email over phone.", scope="/user/alice")
>>> store.search("how do I reach alice?")[0].record.content
"""

from pkgutil import extend_path

# In the folder of a checkout, the compiled module is that of the installed package.
__path__ = extend_path(__path__, __name__)

from agentmem._core import Hit, Record, __version__, analyze
from agentmem.default import (
    add,
    add_many,
    backup,
    categories,
    close,
    count,
    default_store,
    delete,
    export,
    get,
    get_many,
    import_,
    put,
    put_many,
    rebuild,
    reset,
    scope_info,
    scopes,
    search,
    search_many,
    stats,
    touch,
    update,
    verify,
)
from agentmem.default import list_ as list
from agentmem.errors import (
    AgentMemError,
    CorruptStoreError,
    DimensionMismatchError,
    DuplicateIdError,
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
from agentmem.store import MemoryStore, open

__all__ = [
    "AgentMemError",
    "CorruptStoreError",
    "DimensionMismatchError",
    "DuplicateIdError",
    "Hit",
    "InvalidFilterError",
    "InvalidRecordError",
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
    "categories",
    "close",
    "count",
    "default_store",
    "delete",
    "export",
    "get",
    "get_many",
    "import_",
    "list",
    "open",
    "put",
    "put_many",
    "rebuild",
    "reset",
    "scope_info",
    "scopes",
    "search",
    "search_many",
    "stats",
    "touch",
    "update",
    "verify",
]
