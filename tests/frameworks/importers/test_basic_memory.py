"""What basic-memory keeps comes into a store."""

import importlib.util
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from exports import fingerprint

from agentmem.importers.programs import import_program

if importlib.util.find_spec("basic_memory") is None:
    pytest.skip("basic-memory needs Python 3.12", allow_module_level=True)

NOTE = """# Coffee

How I brew.

- [method] Pour over at 92 degrees #brewing (since 2023)
- pairs_with [[Chocolate]]
"""


@pytest.fixture
def home(tmp_path):
    """The home of a user of basic-memory, who wrote one note with its command line."""
    home = tmp_path / "home"
    home.mkdir()
    names = {"HOME": str(home), "BASIC_MEMORY_SEMANTIC_SEARCH_ENABLED": "false"}
    own = {name: value for name, value in os.environ.items() if not name.startswith("BASIC_MEMORY")}
    program = str(Path(sys.executable).with_name("basic-memory"))
    write = ["tool", "write-note", "--title", "Coffee", "--folder", "drinks", "--tags", "drinks", "--local"]
    subprocess.run([program, *write, "--content", NOTE], env=own | names, check=True, cwd=home, timeout=200)
    return home


def test_a_note_comes_in_from_the_database_and_from_its_folder(home, store):
    before = fingerprint(home)
    report = import_program(store, "basic-memory", home / ".basic-memory" / "memory.db")
    assert (report.added, report.known, report.broken, report.problems) == (3, 0, 0, [])
    assert fingerprint(home) == before
    found = {record.content: record for record in store.list()}
    assert found.keys() == {
        "# Coffee\n\nHow I brew.",
        "Pour over at 92 degrees #brewing",
        "Coffee pairs_with Chocolate",
    }
    brew = found["# Coffee\n\nHow I brew."]
    assert brew.metadata["permalink"] == "main/drinks/coffee"
    assert brew.scope == "/notes/main/drinks"
    assert abs(brew.created_at - datetime.now(timezone.utc)) < timedelta(minutes=5)
    assert list(found["Pour over at 92 degrees #brewing"].categories) == ["drinks", "method", "brewing"]
    assert import_program(store, "basic-memory", home / "basic-memory").known == 3
