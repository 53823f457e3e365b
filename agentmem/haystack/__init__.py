"""agentmem as a document store of Haystack, with a retriever that needs no embedding model.

>>> from haystack import Document
>>> from agentmem.haystack import AgentMemDocumentStore, AgentMemRetriever
>>> documents = AgentMemDocumentStore("memory.db")
>>> documents.write_documents([Document(content="Alice prefers email.", meta={"year": 2024})])
1
>>> recent = {"field": "meta.year", "operator": ">=", "value": 2024}
>>> AgentMemRetriever(documents, filters=recent).run("how do I reach alice?")["documents"][0].content
'Alice prefers email.'
"""

from agentmem._adapters import require

require("haystack", extra="haystack", package="haystack-ai", at_least="3.0", below="4")

from .document_store import AgentMemDocumentStore
from .retriever import AgentMemRetriever

__all__ = ["AgentMemDocumentStore", "AgentMemRetriever"]
