"""How `install` gets agentmem into CrewAI: one module for each thing that CrewAI keeps.

Each module has a function `patch`, which replaces attributes of CrewAI through `patches`. A replacement does
what CrewAI did before when nothing is installed, and for users who name a storage or an embedder.
"""

from . import flows, knowledge, memory, patches, replay

__all__ = ["flows", "knowledge", "memory", "patches", "replay"]
