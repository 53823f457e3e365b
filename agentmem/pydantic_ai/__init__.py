"""The memory files of Pydantic AI's harness, as records that agents and programs find.

>>> from pydantic_ai import Agent
>>> from pydantic_ai_harness.memory import Memory
>>> from agentmem.pydantic_ai import AgentMemMemoryStore
>>> store = AgentMemMemoryStore("memory.db")
>>> agent = Agent(model, capabilities=[Memory(store, namespace="alice")])
>>> answer = agent.run_sync("Remember that I prefer tea.")
>>> store.store.search("tea", scope="/pydantic-ai/alice")[0].record.content
'Prefers tea.\\n'
"""

from agentmem._adapters import require

require("pydantic_ai_harness", extra="pydantic-ai", package="pydantic-ai-harness", at_least="0.62", below="1")

from agentmem.pydantic_ai.store import AgentMemMemoryStore  # noqa: E402

__all__ = ["AgentMemMemoryStore"]
