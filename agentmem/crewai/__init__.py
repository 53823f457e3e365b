"""agentmem as the memory of CrewAI, of both generations. CrewAI is imported only when it is needed.

>>> from agentmem.crewai import crew_memory
>>> crew = Crew(agents=[analyst], tasks=[task], **crew_memory("crew.db"))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .embedder import LocalEmbedder, with_text
from .importers import import_crewai
from .install import crew_memory, install, installed, uninstall
from .legacy import EntityStorage, ExternalStorage, LongTermStorage, ShortTermStorage
from .messages import AgentMessage, MessageLog
from .runs import Run
from .unified import UnifiedStorage

if TYPE_CHECKING:
    from .checkpoints import AgentMemCheckpointProvider as AgentMemCheckpointProvider
    from .flows import AgentMemFlowPersistence as AgentMemFlowPersistence
    from .knowledge_sources import knowledge as knowledge
    from .knowledge_storage import KnowledgeStorage as KnowledgeStorage
    from .rag import RagAdapter as RagAdapter
    from .run_log import RunLog as RunLog
    from .tool_cache import AgentMemCacheHandler as AgentMemCacheHandler
    from .tool_cache import cache as cache

# Classes that extend CrewAI's own are imported when they are used, and CrewAI with them.
_LAZY = {
    "AgentMemCacheHandler": "tool_cache",
    "AgentMemCheckpointProvider": "checkpoints",
    "AgentMemFlowPersistence": "flows",
    "KnowledgeStorage": "knowledge_storage",
    "RagAdapter": "rag",
    "RunLog": "run_log",
    "cache": "tool_cache",
    "knowledge": "knowledge_sources",
}

# Without AgentMemCheckpointProvider, which needs crewai >= 1.14, and RagAdapter, which needs crewai-tools.
__all__ = [
    "AgentMemCacheHandler",
    "AgentMemFlowPersistence",
    "AgentMessage",
    "EntityStorage",
    "ExternalStorage",
    "KnowledgeStorage",
    "LocalEmbedder",
    "LongTermStorage",
    "MessageLog",
    "Run",
    "RunLog",
    "ShortTermStorage",
    "UnifiedStorage",
    "cache",
    "crew_memory",
    "import_crewai",
    "install",
    "installed",
    "knowledge",
    "uninstall",
    "with_text",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
