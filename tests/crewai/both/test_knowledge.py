"""The knowledge of crews and agents is in agentmem: found, kept apart, replaced when it changes."""

import asyncio
import json
import threading

import pytest
from crewai.knowledge.knowledge import Knowledge
from crewai.knowledge.source.csv_knowledge_source import CSVKnowledgeSource
from crewai.knowledge.source.json_knowledge_source import JSONKnowledgeSource
from crewai.knowledge.source.string_knowledge_source import StringKnowledgeSource
from crewai.knowledge.source.text_file_knowledge_source import TextFileKnowledgeSource
from crews import ScriptedLLM, final, make_crew

import agentmem
from agentmem.crewai import KnowledgeStorage, installed, knowledge

LAUNCH = "The launch of project Falcon is on 12 May, in the hangar of Ulm."
LUNCH = "Lunch is served from noon to two in the canteen on the second floor."
RULES = "Every visitor wears a badge, and every badge is returned at the gate."


@pytest.fixture
def storage(path):
    storage = KnowledgeStorage(path, "handbook")
    yield storage
    storage.close()


def contents(results):
    return [result["content"] for result in results]


def source(text):
    return StringKnowledgeSource(content=text)


def test_chunks_are_found_by_what_they_say(storage):
    storage.save([LAUNCH, LUNCH, RULES])
    (result,) = storage.search(["When is the launch of Falcon?"], limit=1, score_threshold=0.35)
    assert result["content"] == LAUNCH
    assert result.keys() == {"id", "content", "metadata", "score"}


@pytest.mark.parametrize("threshold", [0.35, 0.6])
def test_the_right_chunk_passes_and_unrelated_text_does_not(storage, threshold):
    storage.save([LAUNCH, LUNCH, RULES])
    search = lambda query: contents(storage.search([query], score_threshold=threshold))  # noqa: E731
    assert search("When is the launch of project Falcon?") == [LAUNCH]
    assert search("When is lunch served in the canteen?") == [LUNCH]
    assert search("Who won the chess tournament in Reykjavik?") == []


def test_saving_the_same_chunks_again_writes_nothing(storage):
    storage.save([LAUNCH, LUNCH])
    position = storage.store.changes(limit=0, scope=storage.scope).cursor
    for _ in range(6):
        storage.save([LAUNCH, LUNCH, LAUNCH])
    assert storage.store.changes(position, scope=storage.scope).items == []
    assert storage.store.count() == 2


def test_blank_chunks_and_chunks_inside_the_one_before_are_left_out(storage):
    text = "".join(f"Line {n} of the handbook.\n" for n in range(150))[:3900]
    storage.save([text, text[3800:], " \n", "a\0b\ud800"])
    assert sorted(storage.store.list(), key=lambda record: len(record.content))[0].content == "a\ufffdb\ufffd"
    assert storage.store.count() == 2


def test_a_long_chunk_is_found_by_its_best_passage(storage):
    filler = "The committee met and read the minutes of the last meeting aloud. " * 28
    storage.save([filler + LAUNCH + " " + filler, LUNCH, RULES])
    (result,) = storage.search(["When is the launch of project Falcon?"], score_threshold=0.35)
    assert LAUNCH in result["content"]


def test_collections_do_not_see_each_other(path):
    with agentmem.open(path) as store:
        one, other = KnowledgeStorage(store, "C++ dev"), KnowledgeStorage(store, "C## dev")
        one.save([LAUNCH])
        assert other.search(["launch of Falcon"], score_threshold=0) == []
        other.save([LAUNCH])
        other.reset()
        assert contents(one.search(["launch of Falcon"], score_threshold=0)) == [LAUNCH]


def test_async_methods_do_the_same_in_another_thread(storage, monkeypatch):
    async def run():
        await storage.asave([LAUNCH, LUNCH])
        found = await storage.asearch(["launch of Falcon"], limit=1, score_threshold=0)
        await storage.areset()
        return contents(found)

    used = set()
    search = type(storage.store).search

    def noted(self, *args, **kwargs):
        used.add(threading.current_thread())
        return search(self, *args, **kwargs)

    monkeypatch.setattr(type(storage.store), "search", noted)
    assert asyncio.run(run()) == [LAUNCH]
    assert threading.main_thread() not in used
    assert storage.store.count() == 0


@pytest.mark.parametrize(("query", "limit"), [([], 5), (["launch"], 0), ([""], 5)])
def test_nothing_asked_finds_nothing(storage, query, limit):
    storage.save([LAUNCH])
    assert storage.search(query, limit=limit, score_threshold=0) == []


def test_errors_are_logged_and_raised(storage, caplog):
    with pytest.raises(agentmem.InvalidFilterError):
        storage.search(["launch"], metadata_filter={"$nonsense": 1})
    assert "KnowledgeStorage.search failed" in caplog.text


def test_csv_and_json_are_stored_as_text(storage, tmp_path):
    (tmp_path / "a.csv").write_text("name,age\nAda,36\n")
    (tmp_path / "b's.csv").write_text("city,year\nUlm,854\n")
    (tmp_path / "c.json").write_text(json.dumps({"tool": 'hammer \\ "x"', "parts": ["head", "handle"]}))
    csv = CSVKnowledgeSource(file_paths=[tmp_path / "a.csv", tmp_path / "b's.csv"])
    Knowledge(
        "k", [csv, JSONKnowledgeSource(file_paths=[tmp_path / "c.json"])], storage=storage
    ).add_sources()
    texts = sorted(record.content for record in storage.store.list())
    assert texts == [
        "city year\nUlm 854\n",
        "name age\nAda 36\n",
        'tool: hammer \\ "x"\nparts:   - head\n  - handle\n\n',
    ]


def test_a_long_csv_keeps_its_chunks(storage, tmp_path):
    rows = "".join(f"row {n},value {n * n}\n" for n in range(1000))
    (tmp_path / "a.csv").write_text(rows)
    made = CSVKnowledgeSource(file_paths=[tmp_path / "a.csv"])
    known = Knowledge("k", [made], storage=storage)
    known.add_sources()
    known.add_sources()
    records = storage.store.list()
    assert all("Path(" not in record.content and "\\n" not in record.content for record in records)
    for n in (0, 500, 999):
        assert any(f"row {n} value {n * n}\n" in record.content for record in records)


def test_named_knowledge_follows_its_sources(path, tmp_path):
    memo = tmp_path / "memo.txt"
    with agentmem.open(path) as store:
        memo.write_text(LAUNCH)
        knowledge(store, [TextFileKnowledgeSource(file_paths=[memo]), source(LUNCH)], "handbook")
        first = {record.content: record for record in store.list()}
        assert first[LAUNCH].metadata == {"source": str(memo), "chunk": 0}

        memo.write_text(LAUNCH.replace("12 May", "13 June"))
        made = knowledge(store, [TextFileKnowledgeSource(file_paths=[memo]), source(LUNCH)], "handbook")
        found = {record.content: record for record in store.list()}
        assert set(found) == {LAUNCH.replace("12 May", "13 June"), LUNCH}
        assert found[LUNCH].version == first[LUNCH].version, "what did not change is not written"
        assert contents(made.query(["launch of Falcon"]))[0].count("13 June") == 1

        knowledge(store, [source(LUNCH)], "handbook")
        assert [record.content for record in store.list()] == [LUNCH]


def test_named_knowledge_leaves_other_knowledge_alone(path):
    with agentmem.open(path) as store:
        knowledge(store, [source(LAUNCH)], "a")
        made = knowledge(store, [source(LUNCH)], "b")
        made.reset()
        assert [record.content for record in store.list()] == [LAUNCH]


def test_a_crew_uses_named_knowledge(path):
    llm = ScriptedLLM(final("launch of project Falcon"))
    make_crew(
        llm,
        "When is the launch of project Falcon?",
        knowledge=knowledge(path, [source(LAUNCH), source(LUNCH)]),
    ).kickoff()
    assert "Additional Information: " + LAUNCH in llm.prompts[-1]
    assert LUNCH not in llm.prompts[-1]


def test_an_agent_uses_named_knowledge(path):
    llm = ScriptedLLM(final("launch of project Falcon"))
    options = {"knowledge": knowledge(path, [source(LAUNCH), source(LUNCH)])}
    make_crew(llm, "When is the launch of project Falcon?", agent_options=options).kickoff()
    assert LAUNCH in llm.prompts[-1]


def test_installed_knowledge_is_found_without_a_key(path):
    with installed(path):
        llm = ScriptedLLM(final("launch of project Falcon"))
        make_crew(
            llm, "When is the launch of project Falcon?", knowledge_sources=[source(LAUNCH), source(LUNCH)]
        ).kickoff()
    assert "Additional Information: " + LAUNCH in llm.prompts[-1]


def test_akickoff_has_knowledge_too(path):
    with installed(path):
        llm = ScriptedLLM(final("launch of project Falcon"))
        crew = make_crew(llm, "When is the launch of project Falcon?", knowledge_sources=[source(LAUNCH)])
        asyncio.run(crew.akickoff())
    assert LAUNCH in llm.prompts[-1]


def test_crews_do_not_see_each_others_knowledge(path):
    with installed(path) as store:
        one = make_crew(ScriptedLLM(final("x")), knowledge_sources=[source(LAUNCH), source(RULES)])
        other = make_crew(ScriptedLLM(final("x")), knowledge_sources=[source(LUNCH), source(RULES)])
        ask = lambda crew: contents(crew.query_knowledge(["launch lunch badge"], score_threshold=0))  # noqa: E731
        assert set(ask(one)) == {LAUNCH, RULES}
        assert set(ask(other)) == {LUNCH, RULES}
        assert set(ask(one.copy())) == {LAUNCH, RULES}
        other.knowledge.reset()
        assert ask(other) == []
        assert {record.content for record in store.list()} == {LAUNCH}
        assert set(ask(one)) == {LAUNCH, RULES}, "what both had is written again"


def test_a_changed_source_is_not_seen_as_it_was(path):
    with installed(path):
        make_crew(ScriptedLLM(final("x")), knowledge_sources=[source(LAUNCH)])
        crew = make_crew(
            ScriptedLLM(final("x")), knowledge_sources=[source(LAUNCH.replace("12 May", "13 June"))]
        )
        found = contents(crew.query_knowledge(["launch of Falcon"], score_threshold=0))
    assert len(found) == 1
    assert "13 June" in found[0]


@pytest.fixture
def crewais_storage(monkeypatch):
    """Stands for CrewAI's own storage, which needs a key."""
    monkeypatch.setattr("crewai.knowledge.knowledge.KnowledgeStorage", lambda **_: "crewai's own")


def test_a_configured_embedder_keeps_crewais_storage(path, crewais_storage):
    with installed(path):
        assert Knowledge("k", [], embedder={"provider": "onnx", "config": {}}).storage == "crewai's own"
        assert isinstance(Knowledge("k", []).storage, KnowledgeStorage)


def test_after_uninstalling_crewais_storage_is_back(path, crewais_storage):
    with installed(path):
        pass
    assert Knowledge("k", []).storage == "crewai's own"
