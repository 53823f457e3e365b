"""AgentMemDocumentStore beyond the official mixins: whole documents, scopes, and bad input."""

import asyncio
import subprocess
import sys
from datetime import datetime

import pytest
from haystack import Document
from haystack.dataclasses import ByteStream, SparseEmbedding
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

import agentmem
from agentmem._adapters import distinct
from agentmem.haystack import AgentMemDocumentStore

NAMES = ["", "a/b", "..", " x ", "nul\0", "👋", "x" * 3000, "%", "\ud800"]


def contents(document_store):
    return [document.content for document in document_store.filter_documents()]


def test_whole_documents_come_back_equal(path):
    documents = [
        Document(
            content="text",
            meta={"n": 1, "x": 0.5, "nested": {"list": [None, True, "a"]}},
            score=0.5,
            embedding=[0.5, -1.0],
            sparse_embedding=SparseEmbedding(indices=[1, 7], values=[0.1, 2.0]),
        ),
        Document(blob=ByteStream(b"\0\xff", meta={"page": 1}, mime_type="image/png")),
        Document(content=""),
    ]
    document_store = AgentMemDocumentStore(path)
    document_store.write_documents(documents)
    document_store.close()
    again = AgentMemDocumentStore(path)
    assert again.filter_documents() == documents
    again.close()


def test_an_empty_embedding_is_none(document_store):
    document_store.write_documents([Document(id="1", embedding=[])])
    assert document_store.filter_documents() == [Document(id="1")]


def test_updates_keep_everything_else(document_store):
    document = Document(content="text", meta={"n": 1}, embedding=[1.0, 0.5], score=0.5)
    document_store.write_documents([document, Document(content="other")])
    condition = {"field": "meta.n", "operator": "==", "value": 1}
    assert document_store.update_by_filter(condition, {"day": "2024-05-01"}) == 1
    after = {"field": "meta.day", "operator": ">", "value": "2024-04-01"}
    (updated,) = document_store.filter_documents(after)
    assert (updated.id, updated.meta) == (document.id, {"n": 1, "day": "2024-05-01"})
    assert (updated.embedding, updated.score) == ([1.0, 0.5], 0.5)


def test_scopes_keep_documents_apart(store):
    alice, bob = (AgentMemDocumentStore(store, scope=f"/user/{name}") for name in ("alice", "bob"))
    for document_store in (alice, bob):
        document_store.write_documents([Document(id="1", content="text")])
    bob.delete_documents(["1"])
    bob.delete_all_documents()
    assert (alice.count_documents(), bob.count_documents()) == (1, 0)
    assert bob.retrieve("text") == []


@pytest.mark.parametrize("name", NAMES[1:-1])
def test_any_text_is_an_id(document_store, name):
    document_store.write_documents([Document(id=name, content="one"), Document(id=name + "x")])
    document_store.write_documents([Document(id=name, content="new")], DuplicatePolicy.OVERWRITE)
    assert [(d.id, d.content) for d in document_store.filter_documents()] == [
        (name + "x", None),
        (name, "new"),
    ]
    document_store.delete_documents([name])
    assert document_store.count_documents() == 1


@pytest.mark.parametrize("text", NAMES)
def test_any_text_is_kept(document_store, text):
    document_store.write_documents([Document(id="1", content=text, meta={text: text})])
    (document,) = document_store.filter_documents()
    cleaned = text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert (document.content, document.meta) == (cleaned, {distinct(text): cleaned})


def test_metadata_that_json_cannot_hold_becomes_text(document_store):
    moment = datetime(2024, 5, 1, 12)
    document_store.write_documents([Document(content="text", meta={"day": moment, "tags": ("a", "b")})])
    (document,) = document_store.filter_documents({"field": "meta.day", "operator": "==", "value": moment})
    assert document.meta == {"day": "2024-05-01 12:00:00", "tags": ["a", "b"]}


def test_a_failed_write_writes_nothing(document_store):
    old, new = Document(id="old", content="old"), Document(id="new", content="new")
    document_store.write_documents([old])
    for documents, error in (
        ([new, old], DuplicateDocumentError),
        ([new, new], DuplicateDocumentError),
        ([new, "text"], ValueError),
        ([new, Document(id="\ud800")], agentmem.InvalidRecordError),
        (
            [new, Document(id="a", embedding=[1.0]), Document(id="b", embedding=[1.0, 2.0])],
            agentmem.AgentMemError,
        ),
    ):
        with pytest.raises(error):
            document_store.write_documents(documents)
    assert contents(document_store) == ["old"]


def test_policies_decide_about_ids_in_use(document_store):
    first, second = Document(id="1", content="first"), Document(id="1", content="second")
    assert document_store.write_documents([first, second], DuplicatePolicy.SKIP) == 1
    assert contents(document_store) == ["first"]
    assert document_store.write_documents([first, second], DuplicatePolicy.OVERWRITE) == 2
    assert contents(document_store) == ["second"]
    with pytest.raises(DuplicateDocumentError, match="'1'"):
        document_store.write_documents([first])


def test_bad_arguments_raise(tmp_path, store):
    with pytest.raises(agentmem.StorePathError):
        AgentMemDocumentStore(tmp_path / "missing" / "memory.db")
    with pytest.raises(agentmem.InvalidRecordError):
        AgentMemDocumentStore(store, scope="/a\0")


def test_it_can_be_made_again_from_its_dict(path, store):
    for given in (str(path), path, store):
        document_store = AgentMemDocumentStore(given, scope="/notes")
        data = document_store.to_dict()
        assert data["init_parameters"] == {"store": str(path), "scope": "/notes"}
        again = AgentMemDocumentStore.from_dict(data)
        assert again.to_dict() == data
        again.close()
    assert not store.closed


def test_a_pipeline_has_no_password(store, monkeypatch):
    monkeypatch.setattr(agentmem.MemoryStore, "path", property(lambda _: "postgresql://me:secret@host/db"))
    assert AgentMemDocumentStore(store).to_dict()["init_parameters"]["store"] == "postgresql://me@host/db"


def test_records_of_others_are_no_documents(store):
    document_store = AgentMemDocumentStore(store, scope="/user")
    store.add("Tea is hot.", scope="/user/alice")
    document_store.write_documents([Document(content="Tea is green.")])
    nowhere = {"field": "meta.x", "operator": "==", "value": None}
    assert contents(document_store) == ["Tea is green."]
    assert [document.content for document in document_store.retrieve("tea")] == ["Tea is green."]
    assert document_store.count_documents() == document_store.update_by_filter(nowhere, {"y": 1}) == 1
    assert document_store.delete_by_filter(nowhere) == 1
    document_store.delete_all_documents()
    assert [record.content for record in store.list()] == ["Tea is hot."]


def test_writers_in_two_processes_update_without_loss(path):
    AgentMemDocumentStore(path).write_documents([Document(id="1")])
    program = (
        "import sys\nfrom agentmem.haystack import AgentMemDocumentStore\n"
        "store = AgentMemDocumentStore(sys.argv[1])\n"
        "one = {'field': 'id', 'operator': '==', 'value': '1'}\n"
        "for n in range(20): store.update_by_filter(one, {f'{sys.argv[2]}{n}': n})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    (document,) = AgentMemDocumentStore(path).filter_documents()
    assert len(document.meta) == 40


def test_two_event_loops_may_use_one_store(document_store):
    asyncio.run(document_store.write_documents_async([Document(content="text")]))
    assert asyncio.run(document_store.count_documents_async()) == 1


def test_a_cancelled_write_has_ended_when_the_caller_goes_on(document_store):
    async def run():
        task = asyncio.create_task(document_store.write_documents_async([Document(content="kept")]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return contents(document_store)

    assert asyncio.run(run()) == contents(document_store)


def test_a_closed_store_says_so(store, document_store):
    store.close()
    with pytest.raises(agentmem.StoreClosedError):
        document_store.count_documents()
