"""The examples of the README and of the docstrings run as they stand, each in an empty folder.

Those with CrewAI run in the tests of both generations of CrewAI.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import documentation
import pytest
from documentation import README, docstring_examples, readme_examples


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("code", readme_examples(crewai=False))
def test_example_of_the_readme_runs(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "memory.db").exists()
    if "print(" in code:
        assert "Alice prefers email over phone." in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("example", docstring_examples(crewai=False), ids=lambda example: example.name)
def test_example_of_a_docstring_runs(example: doctest.DocTest) -> None:
    documentation.run(example, {})


def test_there_are_examples() -> None:
    assert len(readme_examples(crewai=False)) >= 2
    assert readme_examples(crewai=True)
    assert docstring_examples(crewai=False)
    assert docstring_examples(crewai=True)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_each_file_that_the_readme_names_exists() -> None:
    named = re.findall(r"(?:\]\(|src(?:set)?=\")(?!http)([^)\"#]+)", README)
    assert named
    assert [name for name in named if not (documentation.ROOT / name).exists()] == []
