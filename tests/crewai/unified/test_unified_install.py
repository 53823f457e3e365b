"""`install` on crewai >= 1.10."""

import subprocess
import sys

import pytest
from crewai import Crew
from crewai.memory.storage import factory
from crewai.memory.storage.lancedb_storage import LanceDBStorage
from crewai.memory.unified_memory import Memory
from scripted import ScriptedLLM, make_agent, make_crew

import agentmem.crewai
from agentmem.crewai import LocalEmbedder, UnifiedStorage, crew_memory, install, installed, uninstall
from agentmem.crewai.analysis import NoLlm


def state():
    return dict(vars(Memory)), dict(vars(Crew)), factory._factory


@pytest.fixture(autouse=True)
def _untouched():
    before = state()
    yield
    uninstall()
    assert state() == before


@pytest.fixture
def llm():
    return ScriptedLLM(model="scripted")


def test_every_default_memory_is_ours(path, llm):
    install(path)
    crew = make_crew(llm, memory=True, name="My Crew")
    assert isinstance(crew._memory._storage, UnifiedStorage)
    assert crew._memory._storage.scope == crew._memory.root_scope == "/crew/my-crew"
    assert isinstance(crew._memory._embedder, LocalEmbedder)
    assert crew._memory.llm is llm
    assert isinstance(make_agent(llm, memory=True).memory._storage, UnifiedStorage)
    assert isinstance(Memory()._storage, UnifiedStorage)
    assert isinstance(Memory()._llm, NoLlm)


def test_a_key_leaves_crewais_default_llm(path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with installed(path):
        assert isinstance(Memory().llm, str)


def test_what_the_user_set_is_never_overridden(path, tmp_path, llm):
    def embedder(texts):
        return [[1.0] for _ in texts]

    mine = UnifiedStorage(tmp_path / "mine.db")
    install(path)
    assert Memory(storage=mine)._storage is mine
    assert Memory(storage=mine).embedder is None
    for spec in ("lancedb", str(tmp_path / "lance")):
        memory = Memory(storage=spec)
        assert isinstance(memory._storage, LanceDBStorage)
        assert memory.embedder is None
    memory = Memory(embedder=embedder)
    assert memory._embedder is embedder
    assert isinstance(memory._storage, UnifiedStorage)
    assert Memory(llm=llm).llm is llm


@pytest.mark.parametrize("before_install", [True, False])
def test_a_factory_that_the_user_registered_is_asked_first(before_install, path, tmp_path):
    mine, asked = UnifiedStorage(tmp_path / "mine.db"), []

    def theirs(spec):
        asked.append(spec)
        return mine if len(asked) == 1 else None

    if before_install:
        factory.set_memory_storage_factory(theirs)
        install(path)
    else:
        install(path)
        factory.set_memory_storage_factory(theirs)
    memory = Memory()
    assert memory._storage is mine
    assert memory.embedder is None
    assert asked == ["lancedb"]
    assert Memory()._storage is not mine
    uninstall()
    assert factory._factory is theirs
    factory.set_memory_storage_factory(None)


def test_a_memory_that_crewai_restores_is_ours(path):
    install(path)
    assert isinstance(Memory.model_validate({"storage": "lancedb"})._storage, UnifiedStorage)


def test_installing_twice_and_uninstalling_twice_is_harmless(path):
    before = state()
    install(path)
    install(path)
    uninstall()
    assert state() == before
    uninstall()
    assert state() == before


def test_installing_another_path_changes_the_store(path, tmp_path):
    install(path)
    install(tmp_path / "other.db")
    Memory()._storage.store.add("here")
    assert agentmem.open(tmp_path / "other.db").count() == 1
    assert agentmem.open(path).count() == 0


def test_nested_and_after_errors(path, tmp_path):
    before = state()
    with installed(path) as outer:
        with pytest.raises(ZeroDivisionError), installed(tmp_path / "b.db") as inner:  # noqa: PT012
            assert Memory()._storage.store is inner
            1 / 0  # noqa: B018
        assert Memory()._storage.store is outer
        uninstall()
        assert state() == before
        with installed(path):
            pass
        assert state() == before
    assert state() == before


def test_memories_made_before_uninstall_keep_working(path, llm):
    with installed(path):
        memory = Memory(llm=llm)
    memory.remember("The database runs on port 5432", scope="/f", categories=[], importance=0.5)
    assert memory.recall("database port")


def test_legacy_keywords_are_warned_about(path, llm):
    install(path)
    with pytest.warns(UserWarning, match=r"ignores short_term_memory, external_memory"):
        make_crew(llm, memory=True, short_term_memory=object(), external_memory=object(), entity_memory=None)


def test_a_store_that_cannot_be_opened_leaves_everything_as_it_was(tmp_path):
    before = state()
    with pytest.raises((agentmem.AgentMemError, OSError)):
        install(tmp_path)
    with pytest.raises((agentmem.AgentMemError, OSError)), installed(tmp_path):
        pass
    assert state() == before


def test_an_unknown_crewai_is_refused(path, monkeypatch):
    before = state()
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "crewai.memory.unified_memory", None)
        for call in (install, crew_memory):
            with pytest.raises(agentmem.AgentMemError, match=r"crewai 1\.15.*nothing was changed"):
                call(path)
    assert state() == before


@pytest.mark.parametrize("module", ["agentmem", "agentmem.crewai"])
def test_importing_agentmem_does_not_import_crewai(module):
    program = f"import sys, {module}; sys.exit('crewai' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_crew_memory_takes_a_store_that_is_open(path, llm):
    with agentmem.open(path) as store:
        memory = crew_memory(store)["memory"]
        assert memory._storage.store is store
        assert isinstance(memory, Memory)
