"""The task outputs from which crews are replayed.

CrewAI makes a storage for each crew, by a global of a module. `Crew.replay` loads the rows before it looks
for the task, so it is replaced to choose the run that has the task. `Crew.reset_memories` is replaced because
CrewAI deletes all outputs at each kickoff by the same call.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from agentmem import MemoryStore

from ..task_outputs import TaskOutputs, delete_task_outputs
from . import patches


def patch() -> None:
    """Replace what makes storages of task outputs, and what reads and resets them."""
    from crewai import Crew

    handler = import_module("crewai.utilities.task_output_storage_handler")
    name = "KickoffTaskOutputsSQLiteStorage"
    patches.replace(handler, name, _storage_class(getattr(handler, name)))
    patches.replace_method(Crew, "replay", _replay)
    patches.replace_method(Crew, "reset_memories", _reset_memories)


def _storage_class(theirs: Callable[..., Any]) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        store = patches.installed_store()
        return theirs(*args, **kwargs) if store is None or args or kwargs else TaskOutputs(store)

    return make


def _replay(
    original: Callable[..., Any], store: MemoryStore, crew: Any, task_id: str, *args: Any, **kwargs: Any
) -> Any:
    storage = crew._task_output_handler.storage
    if isinstance(storage, TaskOutputs):
        storage.choose(str(task_id))
    return original(task_id, *args, **kwargs)


def _reset_memories(
    original: Callable[[str], None], store: MemoryStore, crew: Any, command_type: str
) -> None:
    original(command_type)
    if command_type in ("all", "kickoff_outputs"):
        delete_task_outputs(store)
