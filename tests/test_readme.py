"""The examples of the README run as they stand, in order, in one empty folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("code", [code for code in EXAMPLES if "crewai" not in code])
def test_example_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "memory.db").exists()
    if "print(" in code:
        assert "Alice prefers email over phone." in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("code", [code for code in EXAMPLES if "crewai" in code])
def test_crewai_example_is_python(code: str) -> None:
    """They run with CrewAI installed, in its own sessions; here their syntax is checked."""
    compile(code, "README.md", "exec")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


def test_each_command_of_the_readme_exists() -> None:
    from agentmem.cli import cli

    (sentence,) = re.findall(r"From the shell, .*?each with", README, flags=re.DOTALL)
    named = set(re.findall(r"`([a-z]+)`", sentence))
    assert named == set(cli.commands)
