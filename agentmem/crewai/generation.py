"""The generation of the installed CrewAI, recognized by the names that it defines, not by its version."""

from __future__ import annotations

from importlib import import_module
from importlib import metadata as packages
from typing import Any

from agentmem import AgentMemError


def generation() -> str:
    """The generation of the installed CrewAI, "legacy" or "unified".

    Raises ImportError without CrewAI, and AgentMemError for a generation that agentmem does not know.
    """
    try:
        from crewai import Crew
    except ImportError as error:
        raise ImportError("crewai cannot be imported; pip install crewai, then try again") from error
    if callable(getattr(Crew, "_initialize_default_memories", None)) and module("crewai.memory.short_term"):
        return "legacy"
    if module("crewai.memory.unified_memory") and module("crewai.memory.storage.backend"):
        return "unified"
    raise AgentMemError(
        f"crewai {packages.version('crewai')} has neither the memory of crewai <= 1.9.3 nor that of >= 1.10; "
        "nothing was changed. Try a newer agentmem"
    )


def module(name: str) -> Any:
    """A module of CrewAI, or None if this version has none of this name."""
    try:
        return import_module(name)
    except ImportError:
        return None
