"""What mem0 keeps comes into a store, from its Qdrant folder and from the JSON of get_all()."""

import json
import os
import pickle
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest
from exports import fingerprint, write_json
from mem0 import Memory
from mem0.utils import factory
from qdrant_client import QdrantClient, models

from agentmem import AgentMemError
from agentmem.importers.pickles import load_inert
from agentmem.importers.programs import import_program


class FakeEmbedder:
    """An embedder that needs no key; mem0 asks it when a memory is added."""

    def __init__(self, *_):
        self.config = None

    def embed(self, text, memory_action=None):
        return [float(len(text) % 7), 1.0, 0.5, 0.25]

    def embed_batch(self, texts, memory_action=None):
        return [self.embed(text) for text in texts]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of mem0's vector store, and what get_all() returned, after some real calls."""
    monkeypatch.setattr(factory.EmbedderFactory, "create", lambda *_, **__: FakeEmbedder())
    monkeypatch.setattr(factory.LlmFactory, "create", lambda *_, **__: None)
    folder = tmp_path / "qdrant"
    vectors = {"path": str(folder), "embedding_model_dims": 4, "on_disk": True}
    memory = Memory.from_config(
        {
            "vector_store": {"provider": "qdrant", "config": vectors},
            "history_db_path": str(tmp_path / "history.db"),
        }
    )
    memory.add("Alice likes oolong tea.", user_id="alice", metadata={"topic": "tea"}, infer=False)
    said = [{"role": "user", "content": "Book a table."}, {"role": "assistant", "content": "For two?"}]
    memory.add(said, user_id="alice", agent_id="waiter", run_id="r/1", infer=False)
    memory.add("Bob likes coffee.", user_id="bob", infer=False)
    returned = memory.get_all(filters={"user_id": "alice"})
    memory.vector_store.client.close()
    memory.close()
    return folder, returned


def test_memories_keep_ids_dates_and_owners(folder, store):
    folder, returned = folder
    before = fingerprint(folder)
    report = import_program(store, "mem0", folder)
    assert (report.added, report.broken, report.problems) == (4, 0, [])
    assert fingerprint(folder) == before
    assert len(returned["results"]) == 3
    for memory in returned["results"]:
        record = store.get(memory["id"])
        assert record.content == memory["memory"]
        assert record.created_at == datetime.fromisoformat(memory["created_at"])
        assert record.metadata["user_id"] == "alice"
    (tea,) = store.list(where={"topic": "tea"})
    assert (tea.scope, tea.metadata["role"]) == ("/mem0/user/alice", "user")
    assert {record.content for record in store.list(scope="/mem0/user/alice/agent/waiter")} == {
        "Book a table.",
        "For two?",
    }
    assert store.count(scope="/mem0/user/bob") == 1
    assert import_program(store, "mem0", folder).known == 4


def test_the_json_of_get_all_is_the_same(folder, store, tmp_path):
    folder, returned = folder
    file = write_json(tmp_path / "all.json", returned)
    assert import_program(store, "mem0", file).added == 3
    assert import_program(store, "mem0", write_json(tmp_path / "list.json", returned["results"])).known == 3
    report = import_program(store, "mem0", folder, replace=True)
    assert (report.added, report.replaced, report.known) == (1, 0, 3)


def test_of_several_rows_of_a_point_the_newest_counts(folder, store):
    folder, returned = folder
    id = returned["results"][0]["id"]
    (file,) = folder.rglob("mem0/storage.sqlite")
    point = models.PointStruct(
        id=id, vector=[1.0, 0.0, 0.0, 0.0], payload={"data": "newer", "user_id": "alice"}
    )
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO points VALUES ('another spelling', ?)", (pickle.dumps(point),))
    report = import_program(store, "mem0", folder)
    assert (report.added, report.known, report.broken) == (4, 1, 0)
    assert store.get(id).content == "newer"


def test_points_of_another_program_are_counted(store, tmp_path):
    client = QdrantClient(path=str(tmp_path / "qdrant"))
    client.create_collection("other", models.VectorParams(size=2, distance=models.Distance.DOT))
    client.upsert("other", [models.PointStruct(id=1, vector=[1.0, 0.0], payload={"text": "x"})])
    client.close()
    report = import_program(store, "mem0", tmp_path / "qdrant")
    assert (report.added, report.broken) == (0, 1)
    assert report.problems[0].endswith("point 1: no 'data'")


def test_expired_memories_stay_behind(store, tmp_path):
    today = datetime.now(timezone.utc).date()
    memories = [
        {"id": "old", "memory": "gone", "expiration_date": str(today - timedelta(days=1))},
        {"id": "new", "memory": "here", "expiration_date": str(today)},
    ]
    assert import_program(store, "mem0", write_json(tmp_path / "all.json", {"results": memories})).added == 1
    (memory,) = store.list()
    assert memory.expires_at.date() == today + timedelta(days=1)
    assert memory.metadata["mem0_id"] == "new"  # an id that others may use, too, is not the record's


class Harmful:
    def __reduce__(self):
        return os.mkdir, (Harmful.path,)


def test_a_point_that_runs_code_when_unpickled_runs_nothing(folder, store, tmp_path):
    folder, _ = folder
    Harmful.path = str(tmp_path / "harm")
    (file,) = folder.rglob("mem0/storage.sqlite")
    bomb = pickle.dumps({"id": "x", "payload": {"data": Harmful()}})
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO points VALUES ('x', ?)", (bomb,))
        connection.execute("INSERT INTO points VALUES ('y', ?)", (b"\x80\x04half",))
        connection.execute("INSERT INTO points VALUES ('z', NULL)")
    report = import_program(store, "mem0", folder)
    assert (report.added, report.broken) == (4, 3)
    assert not os.path.exists(Harmful.path)


def test_data_that_would_fill_memory_is_refused():
    layers = []
    for _ in range(40):
        layers = [layers, layers]
    with pytest.raises(ValueError, match="values in one item"):
        load_inert(pickle.dumps(layers))
    huge_index = b"\x80\x02]r\xff\xff\xff\x7f."
    assert load_inert(huge_index) == []


def test_other_folders_are_an_error(store, tmp_path):
    with pytest.raises(AgentMemError, match="no collection"):
        import_program(store, "mem0", tmp_path)
    (tmp_path / "bad.json").write_text(json.dumps({"memories": 1}))
    assert import_program(store, "mem0", tmp_path / "bad.json").broken == 1
