"""The knowledge and the states of flows that CrewAI's own storages leave on disk come into a store."""

import json
import sqlite3

import chromadb
import pytest
from click.testing import CliRunner
from crewai.flow.async_feedback.types import PendingFeedbackContext
from crewai.flow.persistence import SQLiteFlowPersistence

import agentmem
from agentmem.cli import cli
from agentmem.crewai import AgentMemFlowPersistence, KnowledgeStorage
from agentmem.crewai.importers import import_crewai

CHUNKS = {
    "knowledge_crew": ["Churn fell to 2.1 % in May.", "Revenue rose in June."],
    "knowledge_Data_Analyst": ["The vault code is 1234."],
    "knowledge": ["Penguins cannot fly."],
    "unrelated": ["This is not CrewAI's."],
}


@pytest.fixture
def store(path):
    with agentmem.open(path) as store:
        yield store


@pytest.fixture
def base(tmp_path):
    """A directory as CrewAI's default storages fill it."""
    base = tmp_path / "CrewAI" / "project"
    base.mkdir(parents=True)
    client = chromadb.PersistentClient(str(base), chromadb.Settings(anonymized_telemetry=False))
    for name, texts in CHUNKS.items():
        ids, vectors = [f"{name} {n}" for n in range(len(texts))], [[1.0, 0.5]] * len(texts)
        collection = client.create_collection(name, embedding_function=None)
        collection.add(ids, vectors, metadatas=[{"page": 1}] * len(texts), documents=texts)
    states = SQLiteFlowPersistence(str(base / "flow_states.db"))
    for n in range(3):
        states.save_state("report", f"step{n}", {"id": "report", "n": n, "$type": "not ours"})
    waiting = PendingFeedbackContext("review", "Review", "ask", "a draft", "Is it good?")
    states.save_pending_feedback("review", waiting, {"id": "review", "n": 7})
    return base


def test_knowledge_is_found_in_its_collection_alone(base, store):
    assert import_crewai(store, base).added == 4
    (found,) = KnowledgeStorage(store, "crew").search(["churn in May"], score_threshold=0.35)
    assert (found["content"], found["metadata"]) == ("Churn fell to 2.1 % in May.", {"page": 1})
    assert KnowledgeStorage(store, "crew").search(["vault code"], score_threshold=0.35) == []
    assert KnowledgeStorage(store, "Data_Analyst").search(["vault code"], score_threshold=0.35)
    assert KnowledgeStorage(store).search(["Can penguins fly?"], score_threshold=0.35)


def test_a_crew_that_saves_an_imported_chunk_again_adds_nothing(base, store):
    import_crewai(store, base)
    KnowledgeStorage(store, "crew").save(CHUNKS["knowledge_crew"])
    assert store.count(scope="/knowledge/crew") == 2


def test_flows_go_on_from_their_states(base, store):
    report = import_crewai(store, base)
    assert (report.flows, report.broken, report.problems) == (2, 0, [])
    flows = AgentMemFlowPersistence(store)
    assert flows.load_state("report") == {"id": "report", "n": 2, "$type": "not ours"}
    assert [state.method for state in flows.history("report")] == ["step0", "step1", "step2"]
    state, waiting = flows.load_pending_feedback("review")
    assert state["n"] == 7
    assert (waiting.method_name, waiting.message) == ("ask", "Is it good?")


def test_a_second_import_adds_nothing(base, store):
    import_crewai(store, base)
    report = import_crewai(store, base)
    assert (report.added, report.flows, report.known) == (0, 0, 6)


def test_a_dry_run_says_the_same_and_writes_nothing(base, store):
    report = import_crewai(store, base, dry_run=True)
    assert (report.added, report.flows) == (4, 2)
    assert (store.count(), store.journals()) == (0, [])


def test_a_broken_state_leaves_the_other_flows(base, store):
    with sqlite3.connect(base / "flow_states.db") as connection:
        connection.execute("UPDATE flow_states SET state_json = '{' WHERE flow_uuid = 'report'")
    report = import_crewai(store, base)
    assert (report.flows, report.broken) == (1, 1)
    assert "flow_states.db, flow report" in report.problems[0]


def test_the_command_line_imports_it(base, path):
    def run(*arguments):
        result = CliRunner().invoke(cli, ["import", "crewai", str(base), *arguments, "--path", path])
        assert result.exit_code == 0, result.output
        return result.stdout

    end = "4 records and the states of 2 flows, 0 were known, 0 broken\n"
    assert run("--dry-run").endswith("would add " + end)
    assert run().endswith("added " + end)
    assert json.loads(run("--json"))["known"] == 6
