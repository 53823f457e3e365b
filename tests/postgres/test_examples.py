"""The examples of docs/guides/postgresql.md run."""

from __future__ import annotations

import pytest
from documentation import page_examples
from postgres_server import Server


def test_the_examples_of_the_page_run(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.store()
    names: dict[str, object] = {}
    for code in page_examples("guides/postgresql.md"):
        exec(compile(code.replace("postgresql://host/db", url), "postgresql.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == ["Alice prefers email over phone."]
