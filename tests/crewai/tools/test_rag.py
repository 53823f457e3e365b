"""crewai-tools' RagTool finds what was added, offline, in a collection of the store."""

import copy
import doctest

import pytest
from crewai_tools import RagTool
from crews import ScriptedLLM, final, make_crew, use

import agentmem.crewai.rag
from agentmem.crewai import RagAdapter


@pytest.fixture
def adapter(path):
    adapter = RagAdapter(path, "handbook")
    yield adapter
    adapter.close()


@pytest.fixture
def tool(adapter):
    return RagTool(adapter=adapter)


def ask(tool, question):
    return tool.run(query=question, similarity_threshold=0.35)


def test_the_right_text_is_found(tool):
    tool.add("Churn fell to 2.1 % in May.")
    tool.add("Penguins cannot fly.")
    assert "Churn fell to 2.1 %" in ask(tool, "What was the churn in May?")
    assert "Penguins" not in ask(tool, "What was the churn in May?")
    assert "No relevant content found." in ask(tool, "Who wrote Faust?")


def test_a_file_that_changed_replaces_what_it_was(tool, adapter, tmp_path):
    file = tmp_path / "launch.txt"
    for day in ("12 May", "13 June"):
        file.write_text(f"The launch of Falcon is on {day}.")
        tool.add(str(file), data_type="file")
    assert [record.content for record in adapter.store.list()] == ["The launch of Falcon is on 13 June."]
    assert adapter.store.list()[0].metadata["source"] == str(file)


def test_what_did_not_change_is_not_written_again(tool, adapter):
    tool.add("Churn fell to 2.1 % in May.")
    version = adapter.store.list()[0].version
    tool.add("Churn fell to 2.1 % in May.")
    assert [record.version for record in adapter.store.list()] == [version]


def test_a_directory_is_read(tool, adapter, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in {"a.txt": "Churn fell in May.", "b.md": "# Launch\nIt is on 12 May."}.items():
        (folder / name).write_text(text)
    tool.add(str(folder), data_type="directory")
    assert adapter.store.count() == 2
    assert "Churn fell in May." in ask(tool, "churn in May")


def test_collections_do_not_see_each_other(adapter):
    adapter.add("Churn fell to 2.1 % in May.")
    other = RagAdapter(adapter.store, "other")
    assert other.query("churn in May", 0.35) == "No relevant content found."


def test_limit_and_threshold_of_the_adapter_hold(path):
    adapter = RagAdapter(path, limit=1, similarity_threshold=0.2)
    adapter.add("Churn in May: 2.1 %")
    adapter.add("Churn in June: 2.2 %")
    assert adapter.query("churn").count("Churn") == 1
    assert adapter.query("churn", limit=5).count("Churn") == 2
    adapter.close()


def test_a_crew_uses_the_tool(tool):
    tool.add("Churn fell to 2.1 % in May.")
    llm = ScriptedLLM(use("knowledge_base", '{"query": "churn in May"}'), final("2.1 %"))
    crew = make_crew(llm, "What was the churn?", tools=[tool])
    crew.kickoff()
    assert "Churn fell to 2.1 % in May." in llm.prompts[-1]


def test_a_copy_uses_the_same_store(adapter):
    adapter.add("Churn fell to 2.1 % in May.")
    assert "Churn" in copy.deepcopy(adapter).query("churn in May", 0.35)


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(agentmem.crewai.rag).failed == 0
