"""Import memories that CrewAI's own storages left on disk.

The source is not changed: SQLite and Chroma files are read from a copy. The id of each record is derived from
the source, so that a second import adds nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from agentmem import AgentMemError, DimensionMismatchError, DuplicateIdError, InvalidRecordError, MemoryStore
from agentmem._adapters import clean, to_json

from ._storage import aware, normalised
from .legacy import legacy_scope, output_record, task_record

_NAMESPACE = uuid.UUID("8a8f3d0c-0f5e-5b0e-9d8e-9b9c2f7a4b63")
_BATCH = 500
# Errors of a row, not of the store.
_ROW_ERRORS = (InvalidRecordError, DimensionMismatchError, DuplicateIdError)
_KINDS = {"memory_short_term": "short_term", "memory_entities": "entity"}

Fields = dict[str, Any]
Progress = Callable[[int, int], object]


@dataclass
class Report:
    """The result of an import."""

    sources: list[str] = field(default_factory=list)
    """The files that were read."""
    added: int = 0
    """Records that were added; on a dry run, records that would be."""
    known: int = 0
    """Records that the store has already."""
    broken: int = 0
    """Rows that could not be read or stored, and were skipped."""
    problems: list[str] = field(default_factory=list)
    """A message for each broken row and each source that could not be read."""

    def problem(self, where: str, error: object) -> None:
        """Add the message for a row or a source."""
        self.problems.append(f"{where}: {error}")


@dataclass(frozen=True)
class _Row:
    """One row of a source: its place, and a function that makes the fields of its record."""

    where: str
    fields: Callable[[], Fields]


def import_crewai(
    store: MemoryStore,
    directory: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    crew: str = "crew",
) -> Report:
    """Import the memories of CrewAI's storages below `directory`.

    The default directory is where CrewAI keeps the memories of the working directory. Long-term, short-term
    and entity memories of crewai <= 1.9.3 name no crew; they are imported for the crew `crew`. `progress` is
    called with the number of rows read and the total. An exception in it stops the import; records that
    were added before stay.
    """
    roots = [Path(directory)] if directory is not None else default_directories()
    if directory is not None and not roots[0].is_dir():
        raise AgentMemError(f"{directory} is not a directory; name the one that CrewAI keeps its memory in")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="agentmem-import-") as copies:
        sources = list(_open_sources(roots, crew, Path(copies), report))
        total, done = sum(count for count, _ in sources), 0
        for _, rows in sources:
            while batch := list(islice(rows, _BATCH)):
                _add(store, batch, dry_run, report)
                done += len(batch)
                if progress is not None:
                    progress(done, total)
    return report


def default_directories() -> list[Path]:
    """The directories where CrewAI keeps the memories of the working directory."""
    name = os.environ.get("CREWAI_STORAGE_DIR") or Path.cwd().name
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "CrewAI"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    directories = [base / name, Path(name) if "CREWAI_STORAGE_DIR" in os.environ else base / name]
    found: list[Path] = []
    for directory in directories:
        if directory.is_dir() and not any(directory.samefile(other) for other in found):
            found.append(directory)
    return found


def _open_sources(
    roots: list[Path], crew: str, copies: Path, report: Report
) -> Iterator[tuple[int, Iterator[_Row]]]:
    openers: dict[str, Callable[[Path, str, Path], tuple[int, Iterator[_Row]]]] = {
        "long_term_memory_storage.db": _long_term,
        "chroma.sqlite3": _chroma,
        "memories.lance": _lance,
    }
    for root in roots:
        for folder, folders, files in os.walk(root):
            for name in sorted({*folders, *files} & openers.keys()):
                path = Path(folder, name)
                copy = copies / str(len(report.sources) + len(report.problems))
                copy.mkdir()
                try:
                    yield openers[name](path, crew, copy)
                    report.sources.append(str(path))
                except Exception as error:  # a source that cannot be read must not stop the others
                    report.problem(str(path), error)


def _add(store: MemoryStore, rows: list[_Row], dry_run: bool, report: Report) -> None:
    new: dict[str, tuple[str, Fields]] = {}
    for row in rows:
        try:
            fields = row.fields()
        except Exception as error:  # a broken row must not stop the others
            report.broken += 1
            report.problem(row.where, error)
        else:
            report.known += fields["id"] in new
            new.setdefault(fields["id"], (row.where, fields))
    for known in store.get_many(list(new), include_private=True):
        if known is not None:
            report.known += 1
            del new[known.id]
    if dry_run:
        report.added += len(new)
        return
    try:
        store.add_many([fields for _, fields in new.values()])
        report.added += len(new)
    except _ROW_ERRORS:
        for where, fields in new.values():
            _add_one(store, where, fields, report)


def _add_one(store: MemoryStore, where: str, fields: Fields, report: Report) -> None:
    try:
        try:
            store.add_many([fields])
        except DimensionMismatchError as error:
            store.add_many([{**fields, "embedding": None}])
            report.problem(where, f"stored without its vector: {error}")
        report.added += 1
    except _ROW_ERRORS as error:
        report.broken += 1
        report.problem(where, error)


# Long-term memory of crewai <= 1.9.3: a SQLite table.


def _long_term(path: Path, crew: str, copy: Path) -> tuple[int, Iterator[_Row]]:
    _copy_sqlite(path, copy)
    scope = legacy_scope(crew, "long_term")
    connection = sqlite3.connect(copy / path.name)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    total = connection.execute("SELECT count(*) FROM long_term_memories").fetchone()[0]

    def rows() -> Iterator[_Row]:
        with closing(connection):
            query = (
                "SELECT id, task_description, metadata, datetime, score FROM long_term_memories ORDER BY id"
            )
            for row in connection.execute(query):
                yield _Row(f"{path}, row {row[0]}", partial(_task, row, scope))

    return total, rows()


def _task(row: tuple[Any, ...], scope: str) -> Fields:
    task, metadata, datetime, score = row[1:]
    if not isinstance(task, str) or not task.strip():
        raise ValueError("no task description")
    identity = "\n".join(map(str, ("long_term", scope, *row)))
    fields = task_record(clean(task), _object(metadata), str(datetime), score, scope)
    return {**fields, "id": str(uuid.uuid5(_NAMESPACE, clean(identity)))}


# Short-term and entity memory of crewai <= 1.9.3: Chroma collections.


def _chroma(path: Path, crew: str, copy: Path) -> tuple[int, Iterator[_Row]]:
    try:
        import chromadb
    except ImportError as error:
        raise AgentMemError("reading it needs chromadb; pip install chromadb") from error
    copy = copy / "chroma"
    shutil.copytree(
        path.parent, copy, ignore=shutil.ignore_patterns("*.lance", "long_term_memory_storage.db*")
    )
    dates = _chroma_dates(copy / path.name)
    client = chromadb.PersistentClient(str(copy), chromadb.Settings(anonymized_telemetry=False))
    collections = [
        (client.get_collection(collection.name, embedding_function=None), kind)
        for collection in client.list_collections()
        for prefix, kind in _KINDS.items()
        if collection.name.startswith(prefix)
    ]

    def rows() -> Iterator[_Row]:
        for collection, kind in collections:
            scope = legacy_scope(crew, kind)
            for offset in range(0, collection.count(), _BATCH):
                page = collection.get(limit=_BATCH, offset=offset, include=["documents", "metadatas"])
                documents, metadatas = page["documents"] or [], page["metadatas"] or []
                for doc_id, text, metadata in zip(page["ids"], documents, metadatas, strict=True):
                    yield _Row(
                        f"{path}, {collection.name}, {doc_id}",
                        partial(_output, doc_id, text, metadata, scope, dates),
                    )

    return sum(collection.count() for collection, _ in collections), rows()


def _output(doc_id: str, text: str | None, metadata: Any, scope: str, dates: dict[str, datetime]) -> Fields:
    if text is None or not text.strip():
        raise ValueError("no text")
    fields = output_record(clean(text), dict(metadata or {}), scope, doc_id)
    return fields | ({"created_at": dates[doc_id]} if doc_id in dates else {})


def _chroma_dates(database: Path) -> dict[str, datetime]:
    """When each document was added. Chroma's interface does not tell, but its table does."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT embedding_id, created_at FROM embeddings").fetchall()
        return {doc_id: aware(datetime.fromisoformat(created)) for doc_id, created in rows}
    except (sqlite3.Error, TypeError, ValueError):
        return {}


# Memory of crewai >= 1.10: a LanceDB table.


def _lance(path: Path, crew: str, copy: Path) -> tuple[int, Iterator[_Row]]:
    try:
        import lancedb
    except ImportError as error:
        raise AgentMemError("reading it needs lancedb; pip install lancedb") from error
    table = lancedb.connect(str(path.parent)).open_table(path.stem)

    def rows() -> Iterator[_Row]:
        for batch in table.search().limit(None).to_batches(_BATCH):
            for row in batch.to_pylist():
                yield _Row(f"{path}, {row.get('id')}", partial(_memory, row))

    return table.count_rows(), rows()


def _memory(row: dict[str, Any]) -> Fields:
    vector = row.get("vector")
    categories = json.loads(row.get("categories_str") or "[]")
    if not isinstance(categories, list):
        raise ValueError(f"categories are {type(categories).__name__}, not a list")
    return {
        "id": str(row["id"]),
        "content": clean(row["content"]),
        "scope": normalised(row.get("scope") or "/"),
        "categories": [clean(str(category)) for category in categories if category],
        "metadata": to_json(_object(row.get("metadata_str"))),
        "importance": row.get("importance", 0.5),
        "source": row.get("source") or None,
        "private": bool(row.get("private")),
        "created_at": _moment(row["created_at"]),
        "last_accessed": _moment(row.get("last_accessed") or row["created_at"]),
        "embedding": vector if vector is not None and any(vector) else None,
    }


def _moment(text: Any) -> datetime:
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return aware(moment)


def _object(text: str | None) -> dict[str, Any]:
    value = json.loads(text or "{}")
    if not isinstance(value, dict):
        raise ValueError(f"metadata is {type(value).__name__}, not an object")
    return value


def _copy_sqlite(path: Path, copy: Path) -> None:
    """Copy a database and its write-ahead log."""
    for suffix in ("", "-wal"):
        if (part := path.with_name(path.name + suffix)).exists():
            shutil.copy(part, copy)
