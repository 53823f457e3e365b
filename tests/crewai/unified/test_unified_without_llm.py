"""CrewAI's own `Memory` with no LLM: nothing is inferred, nothing is lost."""

import json

import pytest
from crewai.flow.flow import Flow, start
from crewai.memory.storage import factory
from crewai.memory.unified_memory import Memory
from crewai.state.checkpoint_config import CheckpointConfig
from scripted import ScriptedLLM, make_agent

import agentmem
from agentmem.crewai import LocalEmbedder, UnifiedStorage, crew_memory, installed
from agentmem.crewai.analysis import NoLlm

REPORT = " ".join(
    f"Topic {name} was discussed, documented and closed by the responsible team lead."
    for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota")
)


@pytest.fixture
def memory(path):
    return crew_memory(path)["memory"]


def contents(memory):
    return sorted(record.content for record in memory.list_records())


def said(matches):
    return [match.record.content for match in matches]


def test_what_was_kept_without_a_scope_is_recalled_beside_what_has_one(memory):
    memory.remember("The gate code is 555")
    memory.remember("Alice likes tea", scope="/people")
    for depth in ("shallow", "deep"):
        assert said(memory.recall("What is the gate code?", depth=depth))[0] == "The gate code is 555"


def test_long_texts_that_differ_in_one_word_are_both_kept(memory):
    both = [f"{REPORT} Decision: approved.", f"{REPORT} Decision: rejected."]
    for text in both:
        memory.remember(text)
    assert contents(memory) == both
    memory.remember_many([f"{REPORT} On 12 May.", f"{REPORT} On 19 May."])
    memory.drain_writes()
    assert len(contents(memory)) == 4


def test_the_same_text_is_kept_once_whatever_says_more(memory):
    memory.remember("Alice likes milk")
    drinks = ("juice", "water", "wine", "tea", "beer", "soda")
    for drink in drinks:
        memory.remember(f"Alice likes milk and Alice likes {drink}")
    memory.remember("alice likes milk!")
    assert len(contents(memory)) == 1 + len(drinks)


def test_what_another_source_keeps_to_itself_is_no_reason_to_forget(memory):
    memory.remember("The vault code is 1234", source="bob", private=True)
    memory.remember("The vault code is 1234", source="alice", private=True)
    memory.remember("The vault code is 1234")
    for source in ("bob", "alice", None):
        assert said(memory.recall("vault code", source=source))


@pytest.mark.parametrize(
    ("output", "kept"),
    [
        (
            "Task: t\nAgent: a\nExpected result: e\nResult: The pump leaks.\nResult: 42",
            "The pump leaks.\nResult: 42",
        ),
        ("Task: t\nAgent: a\nExpected result: e\nResult: Observation: stable\nAction: discharge", None),
        ("Task: t\nAgent: a\nExpected result: e\nResult: ```sql\nSELECT 1\n```", None),
        ("Input: i\nAgent: a\nResult: Thought: easy\nFinal Answer: Action: run", "easy\nAction: run"),
        ("Result: of no task", "Result: of no task"),
    ],
)
def test_outputs_are_kept_as_they_are(memory, output, kept):
    assert memory.extract_memories(output) == [kept or output.split("\nResult: ", 1)[1]]


def test_a_confined_storage_leaves_the_records_of_others_alone(path):
    ours, theirs = UnifiedStorage(path, scope="/crew/a"), UnifiedStorage(path, scope="/crew/b")
    with agentmem.open(path) as store:
        store.add("theirs", id="1", scope="/crew/b")
        before = store.list()
    record = theirs.get_record("1")
    for write in (lambda: ours.save([record]), lambda: ours.update(record)):
        with pytest.raises(agentmem.DuplicateIdError):
            write()
    ours.touch_records(["1"])
    assert ours.get_record("1") is None
    assert ours.delete(record_ids=["1"]) == 0
    with agentmem.open(path) as store:
        assert store.list() == before


@pytest.mark.parametrize("record_id", ["", "a\0", "\ud800", "x" * 2000])
def test_an_id_that_no_record_can_have_names_none(path, record_id):
    storage = UnifiedStorage(path)
    assert storage.get_record(record_id) is None
    assert storage.delete(record_ids=[record_id]) == 0
    storage.touch_records([record_id])


def test_installed_memories_are_written_down_in_checkpoints_and_restored(path, tmp_path):
    class Note(Flow):
        @start()
        def note(self):
            """Remembers nothing: CrewAI cannot write down the flow that saves a memory, whatever keeps it."""

    where = tmp_path / "checkpoints"
    with installed(path):
        Note(checkpoint=CheckpointConfig(location=str(where), on_events=["flow_finished"])).kickoff()
        assert list(where.rglob("*.json"))
        written = Memory(root_scope="/crew/x").model_dump_json()
        assert json.loads(written)["storage"] == "lancedb"
        restored = Memory.model_validate_json(written)
        assert restored._storage.scope == "/crew/x"
        assert isinstance(restored._llm, NoLlm)
        restored.remember("The cache uses port 6379")
        assert said(restored.recall("cache port")) == ["The cache uses port 6379"]


def test_what_was_written_down_with_an_llm_loses_nothing_without_one(path, monkeypatch):
    with installed(path):
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        written = Memory(root_scope="/crew/x").model_dump_json()
        monkeypatch.delenv("OPENAI_API_KEY")
        restored = Memory.model_validate_json(written)
    both = [f"{REPORT} Decision: approved.", f"{REPORT} Decision: rejected."]
    for text in both:
        restored.remember(text)
    assert contents(restored) == both


def test_a_factory_of_the_users_serves_restored_memories_too(path, tmp_path):
    mine = UnifiedStorage(tmp_path / "mine.db")
    factory.set_memory_storage_factory(lambda spec: mine)
    try:
        with installed(path):
            assert Memory()._storage is mine
            assert Memory.model_validate({})._storage is mine
    finally:
        factory.set_memory_storage_factory(None)


@pytest.mark.parametrize("both", [("C#", "C++"), ("x > 5", "x < 5"), ("$5", "€5"), ("-5", "5")])
def test_texts_that_differ_in_a_symbol_are_both_kept(memory, both):
    for text in both:
        memory.remember(f"Alice says {text} here")
    assert len(contents(memory)) == 2


def test_a_copy_of_an_installed_agent_needs_no_key(path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with installed(path):
        copied = make_agent(ScriptedLLM(model="scripted"), memory=True).copy().memory
    assert isinstance(copied._storage, UnifiedStorage)
    assert isinstance(copied._embedder, LocalEmbedder)
    copied.remember("The cache uses port 6379")
    assert said(copied.recall("cache port")) == ["The cache uses port 6379"]
