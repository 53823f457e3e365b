"""What CrewAI's legacy storages leave on disk comes into a store."""

import hashlib
import json
import sqlite3
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner
from crewai.memory.storage.ltm_sqlite_storage import LTMSQLiteStorage
from crewai.memory.storage.rag_storage import RAGStorage
from crewai.rag.embeddings.providers.custom.custom_provider import CustomProvider
from crewai.rag.embeddings.providers.custom.embedding_callable import CustomEmbeddingFunction

import agentmem
from agentmem.cli import cli
from agentmem.crewai import EntityStorage, LongTermStorage, ShortTermStorage
from agentmem.crewai.importers import import_crewai


class Constant(CustomEmbeddingFunction):
    def __init__(self, *_, **__): ...

    def __call__(self, input):
        return [[1.0, 0.5] for _ in input]

    @staticmethod
    def name():
        return "constant"

    def get_config(self):
        return {}

    @staticmethod
    def build_from_config(config):
        return Constant()


@pytest.fixture
def base(tmp_path):
    """A directory as CrewAI's default storages fill it."""
    base = tmp_path / "CrewAI" / "project"
    base.mkdir(parents=True)
    long = LTMSQLiteStorage(str(base / "long_term_memory_storage.db"))
    long.save("Find the cause", {"suggestions": ["Look at the valve"], "quality": 9}, "1700000000.25", 9)
    long.save("Find the cause", {"suggestions": ["Ask the crew"], "quality": 3}, "1710000000.5", 3)
    provider = CustomProvider(embedding_callable=Constant)
    for kind, texts in {
        "short_term": ["Final Answer: The valve stuck", "The pump is fine"],
        "entities": ["Valve(Part): lets water through"],
    }.items():
        storage = RAGStorage(kind, embedder_config=provider, path=str(base))
        for text in texts:
            storage.save(text, {"observation": "Find the cause"})
    return base


def fingerprint(directory):
    return {
        str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def store(path):
    return agentmem.open(path)


def test_the_command_line_imports_it(base, path):
    def run(*arguments):
        result = CliRunner().invoke(cli, ["import", "crewai", *arguments, "--path", path])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert run(str(base), "--dry-run").endswith("would add 5 records, 0 were known, 0 broken\n")
    assert not Path(path).exists()
    assert run(str(base), "--crew", "plumbers").endswith("added 5 records, 0 were known, 0 broken\n")
    with agentmem.open(path) as store:
        found = store.list(include_private=True)
        assert len(found) == 5
        assert all("plumbers" in record.scope for record in found)
    report = json.loads(run(str(base), "--crew", "plumbers", "--json"))
    assert {key: report[key] for key in ("added", "known", "broken", "problems")} == {
        "added": 0,
        "known": 5,
        "broken": 0,
        "problems": [],
    }
    assert len(report["sources"]) == 2


def test_everything_comes_in_once_and_the_source_stays_as_it_was(base, store):
    before = fingerprint(base)
    steps = []
    report = import_crewai(store, base, progress=lambda done, total: steps.append((done, total)))
    assert (report.added, report.known, report.broken, report.problems) == (5, 0, 0, [])
    assert len(report.sources) == 2
    assert steps[-1] == (5, 5)
    report = import_crewai(store, base)
    assert (report.added, report.known) == (0, 5)
    assert fingerprint(base) == before


def test_a_dry_run_says_the_same_and_writes_nothing(base, store):
    report = import_crewai(store, base, dry_run=True)
    assert (report.added, report.broken) == (5, 0)
    assert store.count() == 0


def test_the_storages_answer_from_what_came_in(base, store):
    import_crewai(store, base)
    runs = LongTermStorage(store).load("Find the cause", 2)
    assert [run["score"] for run in runs] == [3, 9]
    assert runs[0] == {
        "metadata": {"suggestions": ["Ask the crew"], "quality": 3},
        "datetime": "1710000000.5",
        "score": 3,
    }
    (record,) = store.list(1, 1, scope="/crew/crew/long_term")
    assert record.created_at == datetime.fromtimestamp(1700000000.25, timezone.utc)
    (found,) = ShortTermStorage(store).search("Which valve stuck?", score_threshold=0.3)
    assert found["content"] == "Final Answer: The valve stuck"
    assert found["metadata"] == {"observation": "Find the cause"}
    (record,) = store.list(1, 0, scope="/crew/crew/entity")
    assert abs(record.created_at - datetime.now(timezone.utc)) < timedelta(minutes=5)
    assert EntityStorage(store).search("valve water", score_threshold=0.3)


def test_saving_an_imported_output_again_adds_nothing(base, store):
    import_crewai(store, base)
    ShortTermStorage(store).save("The pump is fine", {"observation": "Find the cause"})
    assert store.count(scope="/crew/crew/short_term") == 2


def test_another_crew_can_be_named(base, store):
    import_crewai(store, base, crew="plant")
    assert store.scopes("/crew") == ["/crew/plant"]


def test_broken_rows_are_reported_counted_and_skipped(base, store):
    with sqlite3.connect(base / "long_term_memory_storage.db") as connection:
        connection.executemany(
            "INSERT INTO long_term_memories VALUES (NULL, ?, ?, ?, ?)",
            [
                ("not json", "{", "1", 1),
                ("not an object", "[1]", "1", 1),
                (None, "{}", "1", 1),
                ("fine", json.dumps({"suggestions": []}), None, None),
                (b"\xff\xfe", "{}", "1", 1),
            ],
        )
    report = import_crewai(store, base)
    assert (report.added, report.broken) == (6, 4)
    assert len(report.problems) == 4
    assert all("long_term_memory_storage.db, row" in problem for problem in report.problems)
    assert LongTermStorage(store).load("fine", 1)


def test_a_source_that_is_no_database_leaves_the_others(base, store):
    (base / "long_term_memory_storage.db").write_bytes(b"not a database" * 100)
    report = import_crewai(store, base)
    assert report.added == 3
    assert "long_term_memory_storage.db" in report.problems[0]


def test_rows_that_are_still_in_the_write_ahead_log(base, store):
    connection = sqlite3.connect(base / "long_term_memory_storage.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("INSERT INTO long_term_memories VALUES (99, 'late', '{}', '1', 1)")
    connection.commit()
    import_crewai(store, base)
    connection.close()
    assert LongTermStorage(store).load("late", 1)


def test_without_chromadb_the_rest_comes_in_and_the_report_says_so(base, store, monkeypatch):
    monkeypatch.setitem(sys.modules, "chromadb", None)
    report = import_crewai(store, base)
    assert report.added == 2
    assert "pip install chromadb" in report.problems[0]


def test_progress_can_stop_the_import(base, store):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_crewai(store, base, progress=stop)
    assert 0 < store.count() < 5
    import_crewai(store, base)
    assert store.count() == 5


def test_no_directory_is_an_error_and_an_empty_one_is_not(store, tmp_path):
    with pytest.raises(agentmem.AgentMemError, match="not a directory"):
        import_crewai(store, tmp_path / "nowhere")
    assert import_crewai(store, tmp_path).sources == []


def test_the_directory_that_crewai_uses_is_found(base, store, monkeypatch):
    monkeypatch.setenv("CREWAI_STORAGE_DIR", str(base))
    assert import_crewai(store).added == 5
    monkeypatch.delenv("CREWAI_STORAGE_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(base.parent))
    working = base.parent.parent / "project"
    working.mkdir()
    monkeypatch.chdir(working)
    if sys.platform == "linux":
        assert import_crewai(store).known == 5
