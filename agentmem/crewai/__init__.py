"""agentmem as the memory of CrewAI, of both generations. CrewAI is imported only when it is needed.

>>> from agentmem.crewai import crew_memory
>>> crew = Crew(agents=[analyst], tasks=[task], **crew_memory("crew.db"))
"""

from .embedder import LocalEmbedder, with_text
from .importers import import_crewai
from .install import crew_memory, install, installed, uninstall
from .legacy import EntityStorage, ExternalStorage, LongTermStorage, ShortTermStorage
from .unified import UnifiedStorage

__all__ = [
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
