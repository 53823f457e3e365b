"""Folders of Markdown notes: each passage below a heading is a record, with the note's front matter."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError
from agentmem._adapters import clean, key_id, scope_part, to_json

from .json_files import LARGEST
from .note import Note, parse_note
from .source import Fields, Row, Source, broken, first_date

_NOTES = (".md", ".markdown")


def open_source(path: Path, scratch: Path) -> Source:
    """Open a folder of notes, or one note."""
    if not path.exists():
        raise AgentMemError(f"there is no {path}; name a folder of notes")
    folder = path if path.is_dir() else path.parent
    return Source(0, (row for file in note_files(path) for row in _rows(file, folder)), str(path))


def note_files(path: Path) -> Iterator[Path]:
    """The notes at or below a path, sorted. Hidden folders, such as .git and .obsidian, have none."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(files) if name.lower().endswith(_NOTES))


def read_note(path: Path) -> str:
    """The text of a note. Raises OSError, and ValueError if it is too large."""
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"more than {LARGEST:,} bytes")
    return data.decode("utf-8-sig", "replace")


def _rows(path: Path, folder: Path) -> Iterator[Row]:
    try:
        text, modified = read_note(path), path.stat().st_mtime
    except (OSError, ValueError) as error:
        yield broken(str(path), error)
        return
    note, place = parse_note(text), Path(folder.resolve().name, path.relative_to(folder))
    yield from passage_rows(note, path.resolve(), note_fields(note, place, modified, modified))


def note_fields(note: Note, place: Path, created: Any, updated: Any) -> Fields:
    """What the records of a note have in common.

    `place` is what its scope and its metadata tell of the path. `created` is the date of a note whose front
    matter has none.
    """
    front = {clean(key): to_json(value) for key, value in note.metadata.items()}
    return {
        "scope": "/".join(["/notes", *(scope_part(part) for part in place.parent.parts)]),
        "categories": [clean(tag) for tag in note.tags],
        "metadata": {**front, "path": clean(place.as_posix()), "title": clean(note.title or place.stem)},
        "created_at": first_date(*(note.metadata.get(name) for name in ("created", "date")), created),
        "updated_at": first_date(updated),
    }


def passage_rows(note: Note, path: Path, common: Fields) -> Iterator[Row]:
    """A row for each passage. The ids follow from the absolute path and the headings."""
    seen: Counter[tuple[str, ...]] = Counter()
    for passage in note.passages:
        number = seen[passage.headings]
        seen[passage.headings] += 1
        id = key_id("note", path.as_posix(), str(number), *passage.headings)
        metadata = {**common["metadata"], "headings": [clean(heading) for heading in passage.headings]}
        fields = {**common, "id": id, "content": clean(passage.text), "metadata": metadata}
        yield Row(f"{path}, {' > '.join(passage.headings) or 'the beginning'}", partial(dict, fields))
