"""The inspector needs an extra, and says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import agentmem
from agentmem.cli import cli


@pytest.mark.parametrize("missing", ["starlette", "jinja2", "uvicorn"])
def test_without_the_extra_the_command_names_it(
    path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("agentmem.inspect")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    agentmem.open(path).close()
    result = CliRunner().invoke(cli, ["inspect", "--no-open", "--path", str(path)])
    assert result.exit_code == 1
    assert "pip install 'agentmem-db[inspect]'" in result.stderr
