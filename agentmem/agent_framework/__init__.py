"""Memory for agents of the Microsoft Agent Framework.

>>> from agent_framework import Agent
>>> from agentmem.agent_framework import AgentMemContextProvider, AgentMemHistoryProvider
>>> history = AgentMemHistoryProvider("memory.db")
>>> memory = AgentMemContextProvider("memory.db", user_id="alice")
>>> agent = Agent(client=client, context_providers=[history, memory])
"""

from agentmem._adapters import require

require(
    "agent_framework", extra="agent-framework", package="agent-framework-core", at_least="1.23", below="2"
)

from agentmem.agent_framework.context import AgentMemContextProvider
from agentmem.agent_framework.history import AgentMemHistoryProvider

__all__ = ["AgentMemContextProvider", "AgentMemHistoryProvider"]
