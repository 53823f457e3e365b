"""AgentMemRetriever beyond the official suite: filters, chains, and bad input."""

import asyncio
import copy

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

import agentmem
from agentmem.langchain import AgentMemRetriever, AgentMemVectorStore


def found(retriever, query, **kwargs):
    return [document.page_content for document in retriever.invoke(query, **kwargs)]


def test_it_finds_records_that_others_wrote(store):
    id = store.add("Alice prefers email.", scope="/user/alice", metadata={"topic": "contact"})
    (document,) = AgentMemRetriever(store=store).invoke("how to reach alice by email")
    assert document == Document(id=id, page_content="Alice prefers email.", metadata={"topic": "contact"})


def test_its_filters_hold_inside_the_search(store):
    for n in range(50):
        store.add(f"Tea is hot, says note {n}.", scope=f"/user/{n % 2}", metadata={"n": n})
    store.add("Tea is a secret.", scope="/user/0", source="bob", private=True)
    assert found(AgentMemRetriever(store=store, where={"n": 31}), "tea") == ["Tea is hot, says note 31."]
    assert len(found(AgentMemRetriever(store=store, scope="/user/1", k=100), "tea")) == 25
    assert "Tea is a secret." in found(AgentMemRetriever(store=store, source="bob", k=100), "tea secret")
    assert "Tea is a secret." not in found(AgentMemRetriever(store=store, source="eve", k=100), "tea secret")
    assert found(AgentMemRetriever(store=store, categories=["none"]), "tea") == []


def test_a_minimal_score_leaves_out_what_is_about_something_else(store):
    store.add_many(["The invoice is due in May.", "Lions sleep."])
    assert found(AgentMemRetriever(store=store, min_score=0.3), "when is the invoice due") == [
        "The invoice is due in May."
    ]


def test_it_is_part_of_a_chain(store):
    store.add("Tea is hot.")
    chain = AgentMemRetriever(store=store) | RunnableLambda(lambda documents: documents[0].page_content)
    assert chain.invoke("tea") == "Tea is hot."
    assert chain.batch(["tea", "hot"]) == ["Tea is hot."] * 2


def test_a_copy_uses_the_same_store(store):
    store.add("Tea is hot.")
    assert found(copy.deepcopy(AgentMemRetriever(store=store)), "tea") == ["Tea is hot."]


def test_it_opens_a_path_and_closes_what_it_opened(path, store):
    store.add("Tea is hot.")
    retriever = AgentMemRetriever(store=path)
    assert found(retriever, "tea", k=1) == ["Tea is hot."]
    retriever.close()
    assert found(retriever, "tea") == ["Tea is hot."], "it opens again"
    retriever.close()
    AgentMemRetriever(store=store).close()
    assert not store.closed


def test_bad_arguments_raise(tmp_path, store):
    with pytest.raises(agentmem.StorePathError):
        AgentMemRetriever(store=tmp_path / "missing" / "memory.db")
    with pytest.raises(ValueError, match="mode"):
        AgentMemRetriever(store=store, mode="magic")
    with pytest.raises(agentmem.InvalidFilterError, match="limit"):
        AgentMemRetriever(store=store).invoke("tea", k=-1)
    assert found(AgentMemRetriever(store=store), "\0\ud800 " + "tea " * 3000) == []


def test_a_closed_store_says_so(store):
    retriever = AgentMemRetriever(store=store)
    store.close()
    with pytest.raises(agentmem.StoreClosedError):
        retriever.invoke("tea")


def test_two_event_loops_may_use_one_retriever(store):
    store.add("Tea is hot.")
    retriever = AgentMemRetriever(store=store)
    for _ in range(2):
        assert len(asyncio.run(retriever.ainvoke("tea"))) == 1


def test_it_finds_documents_of_a_vector_store_under_their_ids(store):
    AgentMemVectorStore(store, scope="/notes").add_texts(["Tea is hot."], [{"a": 1}], ids=["n/1"])
    (document,) = AgentMemRetriever(store=store, scope="/notes").invoke("tea")
    assert document == Document(id="n/1", page_content="Tea is hot.", metadata={"a": 1})
