"""AgentMemRetriever: text, vectors, filters, and pipelines that are saved and loaded."""

import asyncio

import pytest
from haystack import Document, Pipeline
from haystack.components.caching import CacheChecker
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.retrievers import SentenceWindowRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import FilterPolicy

import agentmem
from agentmem.haystack import AgentMemDocumentStore, AgentMemRetriever

DOCUMENTS = [
    Document(content="Alice prefers email over phone.", meta={"year": 2023}, embedding=[1.0, 0.0]),
    Document(content="Alice moved to Ulm by train.", meta={"year": 2024}, embedding=[0.0, 1.0]),
]


@pytest.fixture
def filled(document_store):
    document_store.write_documents(DOCUMENTS)
    return document_store


def found(result):
    return [document.content.split()[1] for document in result["documents"]]


def test_it_finds_by_text_with_scores(filled):
    (document,) = AgentMemRetriever(filled, top_k=1).run("how do I reach alice by email?")["documents"]
    assert document.content == "Alice prefers email over phone."
    assert 0.5 < document.score <= 1
    assert AgentMemRetriever(filled, min_score=0.3).run("what do lions eat?") == {"documents": []}


def test_it_finds_by_vector_and_joins_both(filled):
    assert found(AgentMemRetriever(filled, mode="vector").run("", [0.1, 1.0])) == ["moved", "prefers"]
    assert found(AgentMemRetriever(filled).run("email", [0.0, 1.0])) == ["prefers", "moved"]
    with pytest.raises(agentmem.InvalidFilterError, match="vector"):
        AgentMemRetriever(filled, mode="vector").run("text")


def test_filters_hold_inside_the_search(filled):
    recent = {"field": "meta.year", "operator": ">=", "value": 2024}
    old = {"field": "meta.year", "operator": "<", "value": 2024}
    retriever = AgentMemRetriever(filled, filters=recent)
    assert found(retriever.run("alice", top_k=1)) == ["moved"]
    assert found(retriever.run("alice", filters=old)) == ["prefers"]
    both = AgentMemRetriever(filled, filters=recent, filter_policy=FilterPolicy.MERGE)
    name = {"field": "id", "operator": "==", "value": DOCUMENTS[0].id}
    assert found(both.run("alice", filters=name)) == []


def test_a_pipeline_with_it_is_saved_and_loaded(path):
    pipeline = Pipeline()
    document_store = AgentMemDocumentStore(path, scope="/notes")
    pipeline.add_component("writer", DocumentWriter(document_store))
    condition = {"field": "meta.year", "operator": "==", "value": 2024}
    retriever = AgentMemRetriever(document_store, condition, 3, "hybrid", 0.1, FilterPolicy.MERGE)
    pipeline.add_component("retriever", retriever)
    saved = pipeline.dumps()
    pipeline.run({"writer": {"documents": DOCUMENTS}, "retriever": {"query": "alice"}})
    loaded = Pipeline.loads(saved, allowed_modules=["agentmem.haystack"])
    assert loaded.dumps() == saved
    assert found(loaded.get_component("retriever").run("who moved to Ulm?")) == ["moved"]


def test_components_of_haystack_work_with_it(document_store):
    pipeline = Pipeline()
    pipeline.add_component("splitter", DocumentSplitter(split_by="word", split_length=2))
    pipeline.add_component("writer", DocumentWriter(document_store))
    pipeline.connect("splitter", "writer")
    text = Document(content="Alice moved to Ulm by train", meta={"url": "https://example.com"})
    pipeline.run({"splitter": {"documents": [text]}})
    assert CacheChecker(document_store, "url").run(["https://example.com", "none"])["misses"] == ["none"]

    pipeline = Pipeline()
    pipeline.add_component("retriever", AgentMemRetriever(document_store, top_k=1))
    pipeline.add_component("window", SentenceWindowRetriever(document_store, window_size=1))
    pipeline.connect("retriever.documents", "window.retrieved_documents")
    found = pipeline.run({"retriever": {"query": "train"}})["window"]
    assert found["context_windows"] == ["to Ulm by train"]


def test_a_pipeline_runs_it_without_blocking_the_event_loop(filled):
    pipeline = Pipeline()
    pipeline.add_component("retriever", AgentMemRetriever(filled))
    question = {"retriever": {"query": "who moved to Ulm?", "top_k": 1}}
    assert found(asyncio.run(pipeline.run_async(question))["retriever"]) == ["moved"]


def test_bad_arguments_raise(filled):
    with pytest.raises(TypeError, match="document_store"):
        AgentMemRetriever("memory.db")
    with pytest.raises(agentmem.InvalidFilterError, match="limit"):
        AgentMemRetriever(filled).run("alice", top_k=-1)
    with pytest.raises(agentmem.InvalidFilterError, match="mode"):
        AgentMemRetriever(filled, mode="magic").run("alice")
    assert AgentMemRetriever(filled).run("\0\ud800")["documents"] == []
