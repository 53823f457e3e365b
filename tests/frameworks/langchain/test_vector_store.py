"""AgentMemVectorStore beyond the official suite: without a model, filters, scores, and bad input."""

import asyncio
from datetime import date

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.indexing import InMemoryRecordManager, index

import agentmem
from agentmem._adapters import distinct
from agentmem.langchain import AgentMemVectorStore

NAMES = ["", "a/b", "..", " x ", "nul\0", "👋", "\ud800", "x" * 3000, "%"]


DIRECTIONS = {"east": [1.0, 0.0], "north": [0.0, 1.0], "west": [-1.0, 0.0], "northeast": [0.8, 0.6]}


class Corners(Embeddings):
    def embed_documents(self, texts):
        return [DIRECTIONS[text] for text in texts]

    def embed_query(self, text):
        return DIRECTIONS[text]


def found(documents, query, **kwargs):
    return [document.page_content for document in documents.similarity_search(query, **kwargs)]


def test_without_a_model_the_search_is_by_text(store):
    documents = AgentMemVectorStore(store)
    documents.add_texts(["Alice prefers email over phone.", "Bob likes tea.", "Lions sleep."])
    assert found(documents, "how do I reach alice?", k=1) == ["Alice prefers email over phone."]
    ((_, score),) = documents.similarity_search_with_relevance_scores("what does bob like", k=1)
    assert 0.5 < score <= 1
    assert documents.embeddings is None


def test_a_store_with_an_embedder_needs_no_model_here(path):
    with agentmem.open(path, embedder=Corners().embed_documents) as store:
        documents = AgentMemVectorStore(store, mode="vector")
        documents.add_texts(["east", "north"])
        assert found(documents, "northeast") == ["east", "north"]


def test_scores_are_cosines_and_relevance_is_never_negative(store):
    documents = AgentMemVectorStore(store, embedding=Corners())
    documents.add_texts(["west", "north", "east"])
    scored = documents.similarity_search_with_score("east")
    assert [(document.page_content, round(score, 6)) for document, score in scored] == [
        ("east", 1.0),
        ("north", 0.0),
        ("west", -1.0),
    ]
    retriever = documents.as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.5}
    )
    assert [document.page_content for document in retriever.invoke("east")] == ["east"]
    assert [score for _, score in documents.similarity_search_with_relevance_scores("east")] == [1, 0, 0]


def test_marginal_relevance_chooses_documents_that_differ(store):
    documents = AgentMemVectorStore(store, embedding=Corners())
    documents.add_texts(["east", "northeast", "north", "west"])
    chosen = documents.max_marginal_relevance_search("east", k=2, lambda_mult=0.3)
    assert [document.page_content for document in chosen] == ["east", "west"]
    retriever = documents.as_retriever(search_type="mmr", search_kwargs={"k": 2, "lambda_mult": 0.3})
    assert retriever.invoke("east") == chosen
    assert (
        AgentMemVectorStore(store, embedding=Corners(), scope="/none").max_marginal_relevance_search("east")
        == []
    )
    with pytest.raises(ValueError, match="embedding"):
        AgentMemVectorStore(store).max_marginal_relevance_search("east")


def test_filters_hold_inside_the_search(store):
    documents = AgentMemVectorStore(store)
    documents.add_texts(
        [f"Tea, note {n}." for n in range(50)], [{"n": n, "by": {"name": "Al"}} for n in range(50)]
    )
    assert found(documents, "tea", k=2, filter={"n": {"$gte": 49}}) == ["Tea, note 49."]
    assert len(found(documents, "tea", k=99, filter={"/by/name": "Al"})) == 50
    with pytest.raises(agentmem.InvalidFilterError):
        documents.similarity_search("tea", filter={"n": {"$magic": 1}})


def test_scopes_keep_documents_apart(store):
    alice = AgentMemVectorStore(store, scope="/user/alice", embedding=Corners())
    bob = AgentMemVectorStore(store, scope="/user/bob", embedding=Corners())
    alice.add_texts(["east"], ids=["1"])
    bob.add_texts(["north"], ids=["1"])
    assert found(alice, "east") == ["east"]
    bob.delete(["1"])
    bob.delete()
    assert [document.page_content for document in alice.get_by_ids(["1"])] == ["east"]
    alice.delete()
    assert found(alice, "east") == []


def test_records_of_others_are_no_documents(store):
    documents = AgentMemVectorStore(store, scope="/")
    store.add("Tea is hot.", scope="/user/alice")
    documents.add_texts(["Tea is green."])
    assert found(documents, "tea") == ["Tea is green."]
    documents.delete()
    assert [record.content for record in store.list()] == ["Tea is hot."]


def test_an_indexer_keeps_the_documents_up_to_date(store):
    documents, records = AgentMemVectorStore(store), InMemoryRecordManager("handbook")
    records.create_schema()
    pages = [Document(page_content=f"Page {n}", metadata={"source": "book"}) for n in range(3)]
    for given, numbers in ((pages, (3, 0)), (pages, (0, 0)), (pages[:2], (0, 1))):
        done = index(given, records, documents, cleanup="full", key_encoder="blake2b")
        assert (done["num_added"], done["num_deleted"]) == numbers
    assert store.count() == 2


def test_a_path_is_opened_again_with_what_was_added(path):
    documents = AgentMemVectorStore.from_texts(["east"], Corners(), [{"a": 1}], ids=["1"], store=path)
    documents.close()
    again = AgentMemVectorStore(path, embedding=Corners())
    assert again.get_by_ids(["1"]) == [Document(id="1", page_content="east", metadata={"a": 1})]
    again.close()


@pytest.mark.parametrize("id", [name for name in NAMES if name not in ("", "\ud800")])
def test_any_text_is_an_id(store, id):
    documents = AgentMemVectorStore(store)
    assert documents.add_texts(["one", "other"], ids=[id, id + "x"]) == [id, id + "x"]
    assert documents.get_by_ids([id]) == [Document(id=id, page_content="one")]
    documents.add_texts(["new"], ids=[id])
    assert store.count() == 2
    documents.delete([id])
    assert documents.get_by_ids([id]) == []


@pytest.mark.parametrize("text", NAMES)
def test_any_text_is_kept(store, text):
    documents = AgentMemVectorStore(store, embedding=DeterministicFakeEmbedding(size=4))
    (id,) = documents.add_documents([Document(page_content=text, metadata={text: text})])
    (document,) = documents.get_by_ids([id])
    cleaned = text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert (document.page_content, document.metadata) == (cleaned, {distinct(text): cleaned})


def test_metadata_that_json_cannot_hold_becomes_text(store):
    documents = AgentMemVectorStore(store)
    given = {"day": date(2024, 5, 1), "tags": ("a", "b"), "big": 2**70}
    (id,) = documents.add_texts(["text"], [given])
    assert documents.get_by_ids([id])[0].metadata == {
        "day": "2024-05-01",
        "tags": ["a", "b"],
        "big": str(2**70),
    }


def test_bad_input_adds_nothing(store):
    documents = AgentMemVectorStore(store)
    for arguments in (
        {"metadatas": [{}]},
        {"ids": ["1"]},
        {"metadatas": [{}, {"langchain_id": "mine"}]},
    ):
        with pytest.raises(ValueError, match=r"ids|langchain_id"):
            documents.add_texts(["a", "b"], **arguments)
    with pytest.raises(agentmem.InvalidRecordError):
        documents.add_texts(["a", "b"], ids=["1", "\ud800"])
    with pytest.raises(agentmem.InvalidRecordError):
        AgentMemVectorStore(store, scope="/a\0")
    with_vectors = AgentMemVectorStore(store, embedding=Corners())
    with_vectors.add_texts(["east"])
    with pytest.raises(agentmem.DimensionMismatchError):
        AgentMemVectorStore(store, embedding=DeterministicFakeEmbedding(size=3)).add_texts(["a"])
    assert store.count() == 1
    assert documents.add_texts([]) == []


def test_the_last_document_with_an_id_stays(store):
    documents = AgentMemVectorStore(store)
    assert documents.add_texts(["old", "new"], ids=["1", "1"]) == ["1", "1"]
    assert [document.page_content for document in documents.get_by_ids(["1"])] == ["new"]


def test_texts_may_be_an_iterator(store):
    documents = AgentMemVectorStore(store)
    assert len(documents.add_texts(iter(["a", "b"]))) == 2


def test_a_closed_store_says_so(store):
    documents = AgentMemVectorStore(store)
    store.close()
    with pytest.raises(agentmem.StoreClosedError):
        documents.similarity_search("tea")


def test_two_event_loops_may_use_one_vector_store(store):
    documents = AgentMemVectorStore(store, embedding=Corners())
    asyncio.run(documents.aadd_texts(["east"]))
    assert [d.page_content for d in asyncio.run(documents.asimilarity_search("east"))] == ["east"]
