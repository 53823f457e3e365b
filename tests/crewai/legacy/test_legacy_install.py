"""`install` on crewai 1.9.3."""

import subprocess
import sys

import pytest
from crewai import Crew
from crewai.memory.long_term.long_term_memory import LongTermMemory
from crewai.memory.short_term.short_term_memory import ShortTermMemory
from crewai.memory.storage.ltm_sqlite_storage import LTMSQLiteStorage
from crewai.memory.storage.rag_storage import RAGStorage
from crewai.rag.embeddings.providers.custom.custom_provider import CustomProvider
from crewai.rag.embeddings.providers.custom.embedding_callable import CustomEmbeddingFunction
from scripted import SCRIPT, ScriptedLLM, make_crew

import agentmem.crewai
from agentmem.crewai import EntityStorage, LongTermStorage, ShortTermStorage, install, installed, uninstall


@pytest.fixture(autouse=True)
def _untouched():
    before = dict(vars(Crew))
    yield
    uninstall()
    assert dict(vars(Crew)) == before


def storages(crew):
    return [type(getattr(crew, f"_{kind}_memory").storage) for kind in ("short_term", "long_term", "entity")]


def test_memory_true_is_enough(path):
    install(path)
    for _ in range(2):
        llm = ScriptedLLM(SCRIPT)
        crew = make_crew(llm, memory=True, name="research")
        assert storages(crew) == [ShortTermStorage, LongTermStorage, EntityStorage]
        crew.kickoff()
    assert "ZEBRA" in llm.prompts[0]
    assert agentmem.open(path).scopes("/crew") == ["/crew/research"]


def test_crews_made_before_uninstall_keep_their_memory(path):
    install(path)
    crew = make_crew(ScriptedLLM(SCRIPT), memory=True)
    uninstall()
    crew.kickoff()
    assert agentmem.open(path).count(scope="/crew/crew/short_term") == 2


def test_copies_of_an_installed_crew(path):
    install(path)
    crew = make_crew(ScriptedLLM(SCRIPT), memory=True, name="a")
    crew.kickoff_for_each([{}, {}])
    assert agentmem.open(path).count(scope="/crew/a/long_term") == 4


def test_what_the_user_set_is_never_overridden(path, tmp_path):
    class Constant(CustomEmbeddingFunction):
        def __init__(self, *_, **__): ...

        def __call__(self, input):
            return [[1.0, 0.0] for _ in input]

    install(path)
    mine = LTMSQLiteStorage(str(tmp_path / "mine.db"))
    short = ShortTermMemory(storage=RAGStorage("short_term"))
    crew = make_crew(
        ScriptedLLM(SCRIPT),
        memory=True,
        long_term_memory=LongTermMemory(storage=mine),
        short_term_memory=short,
    )
    assert storages(crew) == [RAGStorage, LTMSQLiteStorage, EntityStorage]
    crew = make_crew(ScriptedLLM(SCRIPT), memory=True, embedder=CustomProvider(embedding_callable=Constant))
    assert storages(crew) == [RAGStorage, LongTermStorage, RAGStorage]


def test_a_crew_without_memory_stays_without(path):
    install(path)
    crew = make_crew(ScriptedLLM(SCRIPT))
    assert crew._short_term_memory is None
    assert crew._long_term_memory is None


def test_installing_twice_and_uninstalling_twice_is_harmless(path):
    before = Crew._initialize_default_memories
    install(path)
    install(path)
    uninstall()
    assert Crew._initialize_default_memories is before
    uninstall()
    assert Crew._initialize_default_memories is before


def test_nested_and_after_errors(tmp_path):
    before = Crew._initialize_default_memories

    def file_of(crew):
        crew._short_term_memory.storage.save("x y z", {})
        return next(f.name for f in tmp_path.glob("*.db") if agentmem.open(f).count())

    with installed(tmp_path / "a.db"):
        with pytest.raises(ZeroDivisionError), installed(tmp_path / "b.db"):  # noqa: PT012
            assert file_of(make_crew(ScriptedLLM(SCRIPT), memory=True)) == "b.db"
            agentmem.open(tmp_path / "b.db").reset()
            1 / 0  # noqa: B018
        assert file_of(make_crew(ScriptedLLM(SCRIPT), memory=True)) == "a.db"
    assert Crew._initialize_default_memories is before


def test_a_store_that_cannot_be_opened_leaves_everything_as_it_was(tmp_path):
    before = dict(vars(Crew))
    with pytest.raises((agentmem.AgentMemError, OSError)):
        install(tmp_path)
    assert dict(vars(Crew)) == before


def test_an_unknown_crewai_is_refused(path, monkeypatch):
    monkeypatch.delattr(Crew, "_initialize_default_memories")
    before = dict(vars(Crew))
    for call in (install, agentmem.crewai.crew_memory):
        with pytest.raises(agentmem.AgentMemError, match=r"crewai 1\.9\.3"):
            call(path)
    assert dict(vars(Crew)) == before
    monkeypatch.undo()


@pytest.mark.parametrize("module", ["agentmem", "agentmem.crewai"])
def test_importing_agentmem_does_not_import_crewai(module):
    program = f"import sys, {module}; sys.exit('crewai' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_crewai_everything_imports_and_install_says_what_is_missing(path):
    program = (
        "import sys; sys.modules['crewai'] = None\n"
        "import agentmem.crewai as c\n"
        f"c.ShortTermStorage({path!r}).save('it works', {{}})\n"
        f"try: c.install({path!r})\n"
        "except ImportError as error: sys.exit('pip install crewai' not in str(error))\n"
        "sys.exit(2)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
