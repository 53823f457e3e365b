"""The README, the docstrings and the example of crewai <= 1.9.3 run as they stand, offline."""

import doctest

import documentation
import pytest
from crewai.memory.short_term.short_term_memory import ShortTermMemory
from documentation import docstring_examples, readme_examples
from given import given
from postgres_server import place
from running import run_example
from scripted import SCRIPT, ScriptedLLM, make_crew

import agentmem
from agentmem.crewai import uninstall

EXAMPLES = docstring_examples(crewai=True, without=("unified.py", "embedder.py", "checkpoints.py", "rag.py"))


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the examples take as given, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    crew = make_crew(ScriptedLLM(SCRIPT))
    yield given(crew) | {"ShortTermMemory": ShortTermMemory}
    uninstall()


@pytest.mark.parametrize("code", readme_examples(crewai=True))
def test_example_of_the_readme_runs_and_its_crew_remembers(code, names):
    crew = names["crew"]
    exec(compile(code, "README.md", "exec"), names)
    if names["crew"] is not crew:
        names["crew"].kickoff()
        assert agentmem.open(place("crew.db")).count() > 0


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_of_a_docstring_runs(example: doctest.DocTest, names):
    documentation.run(example, names)


def test_the_second_run_of_the_example_knows_what_the_first_found_out(tmp_path):
    first, second = (run_example("crew_legacy.py", tmp_path) for _ in range(2))
    assert "reminded of: nothing" in first
    assert "reminded of: nothing" not in second
    assert "Churn in the EU fell to 2.1 % in May." in second.partition("reminded of:")[2]
