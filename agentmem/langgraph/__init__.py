"""LangGraph's long-term memory and checkpoints, in one agentmem file.

>>> from agentmem.langgraph import AgentMemSaver, AgentMemStore
>>> memory = AgentMemStore("memory.db")
>>> memory.put(("users", "alice"), "contact", {"text": "Alice prefers email."})
>>> memory.search(("users",), query="how to reach Alice?")[0].value["text"]
'Alice prefers email.'
>>> graph = builder.compile(store=memory, checkpointer=AgentMemSaver(memory.store))
"""

from agentmem._adapters import require

require("langgraph.store.base", extra="langgraph", package="langgraph-checkpoint", at_least="4.3", below="5")

from agentmem.langgraph.saver import AgentMemSaver
from agentmem.langgraph.store import AgentMemStore

__all__ = ["AgentMemSaver", "AgentMemStore"]
