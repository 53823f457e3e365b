"""`agentmem import basic-memory`: notes, observations and relations come into a store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from exports import fingerprint

import agentmem
from agentmem.importers.programs import import_program

COFFEE = """---
title: Coffee
type: note
permalink: main/coffee
tags: [drinks]
---

# Coffee

How I brew.

## Observations
- [method] Pour over at 92 degrees #brewing (since 2023)
- [ ] buy filters
- [00:10:02] a timecode is no category
```
- [code] is no observation
```
- [method] Pour over at 92 degrees #brewing (since 2023)

## Relations
- pairs_with [[Chocolate|dark chocolate]] (in the evening)
- [[Water]]
- see [[Water]] for more
"""

# The tables of basic-memory 0.24, with the columns that matter here.
TABLES = """
CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT, path TEXT);
CREATE TABLE entity (id INTEGER PRIMARY KEY, project_id INTEGER, title TEXT, note_type TEXT, permalink TEXT,
    content_type TEXT, file_path TEXT, created_at TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE observation (id INTEGER PRIMARY KEY, entity_id INTEGER, category TEXT, content TEXT,
    context TEXT);
CREATE TABLE relation (id INTEGER PRIMARY KEY, from_id INTEGER, to_id INTEGER, to_name TEXT,
    relation_type TEXT);
CREATE TABLE note_content (entity_id INTEGER PRIMARY KEY, markdown_content TEXT);
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "main"
    (folder / "drinks").mkdir(parents=True)
    (folder / "drinks" / "coffee.md").write_text(COFFEE, encoding="utf-8")
    return folder


@pytest.fixture
def database(project: Path, tmp_path: Path) -> Path:
    """A database that knows a note on disk, one that it has a copy of, and one whose file is gone."""
    path = tmp_path / "home" / "memory.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TABLES)
        connection.execute("INSERT INTO project VALUES (1, 'main', ?)", (str(project),))
        notes = [
            (1, "Coffee", "drinks/coffee.md", "2024-01-02 03:04:05.000000"),
            (2, "Copied", "copied.md", "2024-01-03"),
            (3, "Gone", "gone.md", "2024-01-04"),
            (4, "Picture", "p.png", "2024-01-05"),
        ]
        for id, title, file, created in notes:
            values = (id, 1, title, "note", None, None, file, created, "2025-01-01 00:00:00")
            connection.execute("INSERT INTO entity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("INSERT INTO note_content VALUES (2, '# Copied\n\nFrom the database.')")
        connection.execute("INSERT INTO observation VALUES (1, 3, 'fact', 'It was here #once', 'long ago')")
        connection.execute("INSERT INTO relation VALUES (1, 3, 1, 'Coffee', 'follows')")
    return path


def test_a_folder_of_notes(project, quick):
    before = fingerprint(project)
    report = import_program(quick, "basic-memory", project)
    assert (report.added, report.known, report.broken, report.problems) == (7, 0, 0, [])
    assert fingerprint(project) == before
    found = {record.content: record for record in quick.list()}
    assert found["# Coffee\n\nHow I brew."].metadata["permalink"] == "main/coffee"
    method = found["Pour over at 92 degrees #brewing"]
    assert list(method.categories) == ["drinks", "method", "brewing"]
    assert method.scope == "/notes/main/drinks"
    assert (method.metadata["kind"], method.metadata["context"]) == ("observation", "since 2023")
    assert method.metadata["headings"] == ["Coffee", "Observations"]
    pairs = found["Coffee pairs_with Chocolate"].metadata
    assert (pairs["from"], pairs["relation"], pairs["to"]) == ("Coffee", "pairs_with", "Chocolate")
    assert pairs["context"] == "in the evening"
    assert "Coffee relates_to Water" in found
    assert found["## Relations\n- see [[Water]] for more"].metadata["headings"] == ["Coffee", "Relations"]
    rest = next(text for text in found if "timecode" in text)
    assert "- [ ] buy filters" in rest
    assert "- [code]" in rest


def test_the_database_and_the_folder_have_the_same_ids(project, database, quick):
    import_program(quick, "basic-memory", project)
    report = import_program(quick, "basic-memory", database)
    assert (report.added, report.known, report.broken) == (3, 7, 0)


def test_notes_of_the_database(database, quick, monkeypatch):
    monkeypatch.setenv("BASIC_MEMORY_CONFIG_DIR", str(database.parent))
    before = fingerprint(database.parent)
    assert import_program(quick, "basic-memory").added == 10
    assert fingerprint(database.parent) == before
    found = {record.content: record for record in quick.list()}
    assert found["# Copied\n\nFrom the database."].created_at == datetime(2024, 1, 3).astimezone()
    assert found["# Coffee\n\nHow I brew."].updated_at == datetime(2025, 1, 1).astimezone()
    assert list(found["It was here #once"].categories) == ["fact", "once"]
    assert found["It was here #once"].metadata["context"] == "long ago"
    assert "Gone follows Coffee" in found


def test_other_places_are_an_error(quick, tmp_path):
    with pytest.raises(agentmem.AgentMemError, match="name the folder"):
        import_program(quick, "basic-memory", tmp_path / "nothing")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(agentmem.AgentMemError, match="no database of basic-memory's"):
        import_program(quick, "basic-memory", tmp_path / "other.db")
