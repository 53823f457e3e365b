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
from .unified import UnifiedStorage

if TYPE_CHECKING:
    from .flows import AgentMemFlowPersistence as AgentMemFlowPersistence

# Classes that extend CrewAI's own are imported when they are used, and CrewAI with them.
_LAZY = {"AgentMemFlowPersistence": "flows"}

__all__ = [
    "AgentMemFlowPersistence",
    "EntityStorage",
    "ExternalStorage",
    "LocalEmbedder",
    "LongTermStorage",
    "ShortTermStorage",
    "UnifiedStorage",
    "crew_memory",
    "import_crewai",
    "install",
    "installed",
    "uninstall",
    "with_text",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
