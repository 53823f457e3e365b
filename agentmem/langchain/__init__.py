"""agentmem as LangChain's retriever, vector store, chat history, LLM cache and byte store.

>>> from agentmem.langchain import AgentMemVectorStore
>>> documents = AgentMemVectorStore("memory.db")
>>> ids = documents.add_texts(["Alice prefers email over phone.", "Bob likes tea."])
>>> documents.similarity_search("how do I reach alice?", k=1)[0].page_content
'Alice prefers email over phone.'
"""

from agentmem._adapters import require

require("langchain_core", extra="langchain", package="langchain-core", at_least="1.0", below="2")

from .byte_store import AgentMemByteStore
from .cache import AgentMemCache
from .chat_history import AgentMemChatMessageHistory
from .retriever import AgentMemRetriever
from .vector_store import AgentMemVectorStore

__all__ = [
    "AgentMemByteStore",
    "AgentMemCache",
    "AgentMemChatMessageHistory",
    "AgentMemRetriever",
    "AgentMemVectorStore",
]
