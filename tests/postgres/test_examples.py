"""The examples of docs/guides/postgresql.md run, and so do those of the README."""

from __future__ import annotations

import re
import shlex

import pytest
from click.testing import CliRunner
from documentation import README, ROOT, page_examples, readme_examples
from postgres_server import Server

import agentmem
from agentmem.cli import cli


@pytest.fixture
def guide() -> str:
    return (ROOT / "docs" / "guides" / "postgresql.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_run(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.store()
    names: dict[str, object] = {}
    for code in page_examples("guides/postgresql.md"):
        exec(compile(code.replace("postgresql://host/db", url), "postgresql.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == ["Alice prefers email over phone."]


def commands(text: str, url: str) -> list[list[str]]:
    """The commands of agentmem in a text, with this URL."""
    found = re.findall(r"agentmem ((?:migrate|export|import) [^`\n&]+)", text)
    return [shlex.split(command.replace("postgresql://host/db", url)) for command in found]


def empty(server: Server) -> str:
    """The URL of a schema in which nothing is."""
    server.sql("DROP SCHEMA IF EXISTS moved CASCADE; CREATE SCHEMA moved")
    return server.url(schema="moved")


def test_two_lines_of_the_readme_move_a_program(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url = empty(server)
    (migrate,) = (words for words in commands(README, url) if words[-1] == url)
    assert CliRunner().invoke(cli, migrate).exit_code == 0
    assert 'agentmem.open("postgresql://host/db")' in README
    for code in readme_examples(crewai=False):
        exec(compile(code.replace('"memory.db"', repr(url)), "README.md", "exec"), {})
    assert "Alice prefers email over phone." in capsys.readouterr().out.splitlines()[0]
    with agentmem.open(url) as store:
        assert store.count() == 4


def test_a_third_line_brings_what_a_program_remembers(
    server: Server, guide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agentmem.open("memory.db") as store:
        id = store.add("Alice lives in Paris.", private=True, source="me")
        store.supersede(id, "Alice lives in Rome.")
        store.journal("moves").append("Rome")
    url = empty(server)
    monkeypatch.setenv("AGENTMEM_PATH", url)
    for words in commands(guide, url)[1:4]:
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, result.output
    with agentmem.open() as store:
        assert [record.content for record in store.history(id, source="me")] == [
            "Alice lives in Paris.",
            "Alice lives in Rome.",
        ]
        assert store.journal("moves").read()[0].value == "Rome"
