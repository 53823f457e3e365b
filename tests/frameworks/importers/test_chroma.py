"""What Chroma keeps comes into a store."""

import sqlite3
from contextlib import closing

import chromadb
import pytest
from exports import fingerprint

from agentmem import AgentMemError
from agentmem.importers.programs import import_program


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "chroma"
    client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
    notes = client.create_collection("notes", embedding_function=None)
    notes.add(
        ids=["1", "2", "3", "4"],
        embeddings=[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]],
        documents=["Tea is good.", "Coffee", None, "gone"],
        metadatas=[
            {"n": 1, "yes": True, "x": 1.5, "who": "alice", "tags": ["a", "b"]},
            {"who": "bob"},
            {"who": "carol"},
            {"who": "dave"},
        ],
    )
    notes.update(ids=["2"], embeddings=[[0.0, 1.0]], documents=["Coffee is better."])
    notes.delete(ids=["4"])
    other = client.create_collection("other-notes", embedding_function=None)
    other.add(ids=["1"], embeddings=[[1.0, 0.0]], documents=["Another 1."])
    yield folder
    client.close()


def test_documents_come_in_with_metadata_and_ids(folder, store):
    before = fingerprint(folder)
    report = import_program(store, "chroma", folder)
    assert (report.added, report.broken, report.problems) == (4, 0, [])
    assert "agentmem embed" in report.notes[0]
    assert fingerprint(folder) == before
    found = {record.metadata["chroma_id"]: record for record in store.list(scope="/chroma/notes")}
    assert found["1"].content == "Tea is good."
    assert found["1"].metadata == {
        "n": 1,
        "yes": True,
        "x": 1.5,
        "who": "alice",
        "tags": ["a", "b"],
        "chroma_id": "1",
    }
    assert found["2"].content == "Coffee is better."
    assert (found["3"].content, found["3"].metadata["who"]) == ("", "carol")
    assert [record.content for record in store.list(scope="/chroma/other-notes")] == ["Another 1."]
    assert import_program(store, "chroma", folder / "chroma.sqlite3").known == 4


def test_a_changed_document_is_replaced_on_request(folder, store):
    import_program(store, "chroma", folder)
    client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
    client.get_collection("notes", embedding_function=None).update(
        ids=["1"], embeddings=[[1.0, 0.0]], documents=["Tea is best."]
    )
    report = import_program(store, "chroma", folder, replace=True)
    assert (report.replaced, report.known) == (1, 3)


def test_progress_knows_the_total(folder, store):
    steps = []
    import_program(store, "chroma", folder, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(4, 4)]


def test_other_files_are_an_error(store, tmp_path):
    with pytest.raises(AgentMemError, match="PersistentClient"):
        import_program(store, "chroma", tmp_path)
    (tmp_path / "chroma.sqlite3").write_text("no database")
    with pytest.raises(AgentMemError, match="not a SQLite file"):
        import_program(store, "chroma", tmp_path)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(AgentMemError, match="no database of Chroma's"):
        import_program(store, "chroma", tmp_path / "other.db")
