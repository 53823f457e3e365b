"""Chat history, memory and retrieval for LlamaIndex.

>>> import agentmem
>>> from llama_index.core.memory import Memory
>>> from agentmem.llamaindex import AgentMemChatStore, AgentMemMemoryBlock, AgentMemRetriever
>>> store = agentmem.open("memory.db")
>>> block = AgentMemMemoryBlock(store, user_id="alice")
>>> chats = AgentMemChatStore(store)
>>> memory = Memory.from_defaults(session_id="monday", chat_store=chats, memory_blocks=[block])
>>> id = store.add("Alice prefers tea.", scope="/notes")
>>> AgentMemRetriever(store, scope="/notes").retrieve("What does Alice prefer?")[0].text
'Alice prefers tea.'
"""

from agentmem._adapters import require

require("llama_index.core", extra="llamaindex", package="llama-index-core", at_least="0.14.25", below="1")

from agentmem.llamaindex.chat_store import AgentMemChatStore
from agentmem.llamaindex.memory_block import AgentMemMemoryBlock
from agentmem.llamaindex.retriever import AgentMemRetriever

__all__ = ["AgentMemChatStore", "AgentMemMemoryBlock", "AgentMemRetriever"]
