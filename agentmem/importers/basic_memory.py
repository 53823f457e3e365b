"""basic-memory's notes: a folder of them, or its database, which names the folders of all projects."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError
from agentmem._adapters import clean, key_id

from .markdown import note_fields, note_files, passage_rows, read_note
from .note import Note, Passage, parse_note, with_code
from .source import Fields, Row, Source, broken
from .sqlite import columns, open_sqlite

_DATABASE = "memory.db"
_ENTITIES = """SELECT entity.id, project.name, project.path, entity.file_path, entity.title,
entity.created_at, entity.updated_at FROM entity JOIN project ON project.id = entity.project_id
ORDER BY entity.id"""
_CONTENT = "SELECT markdown_content FROM note_content WHERE entity_id = ?"
_OBSERVATIONS = "SELECT category, content, context FROM observation WHERE entity_id = ? ORDER BY id"
_RELATIONS = "SELECT relation_type, to_name FROM relation WHERE from_id = ? ORDER BY id"

_ITEM = re.compile(r"\s*[-*+] (.*)")
_OBSERVATION = re.compile(r"\[([^\[\]()]{2,}|[^\W_xX])\]\s+(.+)")
_TIME = re.compile(r"[\d:., -]+")
_RELATION = re.compile(r"([^\[\]`]*)\[\[([^\[\]|]+)(?:\|[^\[\]]*)?\]\](?:\s+\(([^()]*)\))?\s*")
_TAG = re.compile(r"(?<!\S)#([^\s#]+)")


def default_path() -> Path:
    """Where basic-memory keeps its database."""
    return Path(os.environ.get("BASIC_MEMORY_CONFIG_DIR") or Path.home() / ".basic-memory") / _DATABASE


def open_source(path: Path, scratch: Path) -> Source:
    """Open the database, or a folder of notes."""
    if not path.exists():
        raise AgentMemError(f"there is no {path}; name the folder of a project, or {_DATABASE}")
    if path.is_dir():
        return Source(0, (row for file in note_files(path) for row in _file_rows(file, path)), str(path))
    connection = open_sqlite(path, scratch)
    if not columns(connection, "entity") or not columns(connection, "project"):
        raise AgentMemError(f"{path} is no database of basic-memory's, or one of a version before 0.13")
    total = connection.execute("SELECT count(*) FROM entity").fetchone()[0]
    return Source(total, _entities(path, connection), str(path))


def _file_rows(file: Path, folder: Path) -> Iterator[Row]:
    place = Path(folder.resolve().name, file.relative_to(folder))
    try:
        modified = file.stat().st_mtime
        yield from _rows(read_note(file), file.resolve(), place, modified, modified)
    except (OSError, ValueError) as error:
        yield broken(str(file), error)


def _entities(path: Path, connection: sqlite3.Connection) -> Iterator[Row]:
    """The rows of all notes that the database knows: from its copy, the file, or its index."""
    with closing(connection):
        copies = bool(columns(connection, "note_content"))
        for id, project, folder, name, title, *dates in connection.execute(_ENTITIES):
            try:
                file, place = Path(folder, name).resolve(), Path(clean(project), name)
                copy = connection.execute(_CONTENT, (id,)).fetchone() if copies else None
                text = copy[0] if copy else read_note(file) if file.suffix == ".md" else None
            except FileNotFoundError:
                text = _from_index(connection, id, title)
            except (OSError, ValueError, TypeError) as error:
                yield broken(f"{path}, {project}, {name}", error)
                continue
            if text is not None:
                yield from _rows(text, file, place, *map(_local, dates))


def _local(date: Any) -> datetime | None:
    """A date of the database, which is local time and does not say so."""
    try:
        return datetime.fromisoformat(date).astimezone()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _from_index(connection: sqlite3.Connection, id: int, title: str) -> str:
    """A note whose file is gone, written again from its observations and relations."""
    observations = connection.execute(_OBSERVATIONS, (id,))
    relations = connection.execute(_RELATIONS, (id,))
    lines = [f"# {title}"]
    lines += [
        f"- [{name}] {text}" + (f" ({context})" if context else "") for name, text, context in observations
    ]
    lines += [f"- {kind} [[{target}]]" for kind, target in relations]
    return "\n".join(lines)


def _rows(text: str, file: Path, place: Path, created: Any, updated: Any) -> Iterator[Row]:
    """The rows of a note: each observation, each relation, and what else each passage says."""
    note = parse_note(text)
    common = note_fields(note, place, created, updated)
    passages: list[Passage] = []
    facts: list[tuple[Passage, str, Fields]] = []
    for passage in note.passages:
        rest = []
        for line, code in with_code(passage.text.split("\n")):
            if fact := {} if code else _fact(line, common["metadata"]["title"]):
                facts.append((passage, line.strip(), fact))
            else:
                rest.append(line)
        if any(line.strip() for line in (rest[1:] if passage.headings else rest)):
            passages.append(Passage(passage.headings, "\n".join(rest).strip()))
    yield from passage_rows(Note(note.metadata, passages), file, common)
    seen: Counter[str] = Counter()
    for passage, line, fact in facts:
        id = key_id("note", file.as_posix(), "fact", line, str(seen[line]))
        seen[line] += 1
        about = {**common["metadata"], "headings": [clean(heading) for heading in passage.headings]}
        fields = {
            **common,
            "id": id,
            "content": fact["content"],
            "categories": [*common["categories"], *fact["categories"]],
            "metadata": {**about, **fact["metadata"]},
        }
        yield Row(f"{file}, {line}", partial(dict, fields))


def _fact(line: str, title: str) -> Fields:
    """The content, categories and metadata of an observation or a relation; nothing for another line."""
    item = _ITEM.fullmatch(line)
    text = clean(item[1].strip()) if item else ""
    if relation := _RELATION.fullmatch(text):
        kind, target = relation[1].strip() or "relates_to", relation[2].strip()
        about = {"kind": "relation", "from": title, "relation": kind, "to": target}
        return _described(f"{title} {kind} {target}", [], about, relation[3])
    observation = _OBSERVATION.fullmatch(text)
    if observation is None or _TIME.fullmatch(observation[1]):
        return {}
    said, start = observation[2].strip(), observation[2].rfind("(")
    context = said[start + 1 : -1] if said.endswith(")") and start > 0 else None
    said = said if context is None else said[:start].strip()
    return _described(said, [observation[1].strip(), *_TAG.findall(said)], {"kind": "observation"}, context)


def _described(content: str, categories: list[str], metadata: dict[str, str], context: str | None) -> Fields:
    about = {**metadata, "context": context.strip()} if context else metadata
    return {"content": content, "categories": categories, "metadata": about}
