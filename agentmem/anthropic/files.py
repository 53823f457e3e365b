"""The files of the memory tool: records in the scopes of their folders, with their paths in the metadata."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anthropic.lib.tools import ToolError

from agentmem import Batch, Hit, InvalidRecordError, Record
from agentmem._adapters import (
    Adapter,
    StoreOrPath,
    WithStore,
    clean,
    journal_name,
    key_id,
    retry_on_conflict,
    scope_part,
)
from agentmem.anthropic.texts import listing, numbered, numbered_file, passage

_ROOT = "/memories"
_LONGEST_SCOPE = 1024
_FILES = {"path": {"$exists": True}}  # other records of the scope are none of the tool's business


class MemoryFiles(WithStore):
    """The files of one user and the commands of the tool, whose texts are those of the SDK.

    Arguments come from a model and may be anything. A command that cannot be done raises ToolError.
    """

    def __init__(self, store: StoreOrPath, user: str) -> None:
        """Open the store."""
        self._adapter = Adapter(store)
        self._scope = f"/anthropic/{scope_part(user)}"
        self._tree = journal_name("anthropic", user)

    # Reading

    def view(self, path: str, view_range: list[int] | None = None) -> str:
        """The numbered lines of a file, or the listing of a directory."""
        place = _place(path)
        if (record := self._file(place)) is not None:
            return numbered_file(path, record.content, view_range)
        if not self._is_folder(place):
            raise ToolError(f"The path {path} does not exist. Please provide a valid path.")
        below = {record.metadata["path"][len(place) + 1 :]: record for record in self._below(place)}
        return listing(path, below)

    def search(self, query: str, limit: int) -> list[Hit]:
        """The files that answer the query."""
        return self.store.search(query, limit, scope=self._scope, where=_FILES)

    def found(self, query: str, limit: int) -> str:
        """The paths and the best passages of the files that answer the query, for a model."""
        hits = self.search(query, limit)
        found = (f"{hit.record.metadata['path']}: {passage(hit)}" for hit in hits)
        return "\n\n".join(found) or "Nothing was found."

    def history(self, path: str) -> list[Record]:
        """All versions of a file."""
        return self.store.history(self._existing(path).id)

    # Changing a file

    def str_replace(self, path: str, old: str, new: str | None) -> str:
        """Replace a text that is once in a file."""
        old, new = _text(old, "old_str"), _text(new or "", "new_str")

        def replaced(content: str) -> str:
            lines = _lines_with(old, content)
            if not lines:
                raise ToolError(
                    f"No replacement was performed, old_str `{old}` did not appear verbatim in {path}."
                )
            if content.count(old) > 1:
                raise ToolError(
                    f"No replacement was performed. Multiple occurrences of old_str `{old}` in lines: "
                    f"{', '.join(map(str, lines))}. Please ensure it is unique"
                )
            return content.replace(old, new)

        before, after = self._edit(path, replaced)
        line = _lines_with(old, before)[0]
        first = max(1, line - 2)
        return (
            "The memory file has been edited. Here is the snippet showing the change (with line numbers):\n"
            + numbered(after.split("\n")[first - 1 : line + 2], first)
        )

    def insert(self, path: str, line: int, text: str) -> str:
        """Insert a text behind a line."""
        text = _text(text, "insert_text")

        def inserted(content: str) -> str:
            lines = content.removesuffix("\n").split("\n") if content else []
            if not isinstance(line, int) or not 0 <= line <= len(lines):
                raise ToolError(
                    f"Invalid `insert_line` parameter: {line}. "
                    f"It should be within the range [0, {len(lines)}]."
                )
            lines.insert(line, text.rstrip("\n"))
            return "\n".join(lines).removesuffix("\n") + "\n"

        self._edit(path, inserted)
        return f"The file {path} has been edited."

    @retry_on_conflict
    def _edit(self, path: str, change: Callable[[str], str]) -> tuple[str, str]:
        """The content of a file before and after a change. The version before goes to the history."""
        record = self._existing(path)
        changed = change(record.content)
        with _refusals():
            self.store.supersede(record.id, changed, if_version=record.version)
        return record.content, changed

    # Changing the tree

    @retry_on_conflict
    def create(self, path: str, text: str) -> str:
        """Create a file."""
        place, text = _place(path), _text(text, "file_text")
        with self._tree_change() as batch:
            if self._is_there(place):
                raise ToolError(f"File {path} already exists")
            self._check_folders(place)
            id = self._first_id(place)
            free = self.store.get(id, include_private=True) is None
            scope = self._folder_scope(place)
            batch.add(text, id=id if free else None, scope=scope, metadata={"path": place})
        return f"File created successfully at: {path}"

    @retry_on_conflict
    def delete(self, path: str) -> str:
        """Delete a file or a directory."""
        place = _place(path)
        if place == _ROOT:
            raise ToolError(f"Cannot delete the {_ROOT} directory itself")
        with self._tree_change() as batch:
            batch.delete([record.id for record in self._at(path, place)])
        return f"Successfully deleted {path}"

    @retry_on_conflict
    def rename(self, old_path: str, new_path: str) -> str:
        """Rename a file or a directory."""
        old, new = _place(old_path), _place(new_path)
        if old == _ROOT:
            raise ToolError(f"Cannot rename the {_ROOT} directory itself")
        with self._tree_change() as batch:
            if self._is_there(new):
                raise ToolError(f"The destination {new_path} already exists")
            moved = self._at(old_path, old)
            self._check_folders(new)
            if new.startswith(f"{old}/"):
                raise ToolError(f"Cannot rename {old_path} to {new_path}, which is inside it")
            for record in moved:
                place = new + record.metadata["path"][len(old) :]
                metadata = {**record.metadata, "path": place}
                batch.update(record.id, scope=self._folder_scope(place), metadata=metadata)
        return f"Successfully renamed {old_path} to {new_path}"

    @retry_on_conflict
    def clear(self) -> str:
        """Delete all files."""
        with self._tree_change() as batch:
            batch.delete(scope=self._scope, where=_FILES)
        return "All memory cleared"

    @contextmanager
    def _tree_change(self) -> Iterator[Batch]:
        """A batch that raises ConflictError if another change of the tree comes between.

        So what the block has read about paths still holds when the batch is sent.
        """
        change = self.store.journal(self._tree).get_many(["change"]).get("change")
        with _refusals(), self.store.batch() as batch:
            batch.journal(self._tree).put("change", None, if_number=change.number if change else 0)
            yield batch

    # Finding

    def _file(self, place: str) -> Record | None:
        """The file at a place. One that was renamed is looked for in its folder and below."""
        first = self.store.get(self._first_id(place), scope=self._scope)
        if first is not None and first.metadata.get("path") == place:
            return first
        found = self.store.list(1, scope=self._folder_scope(place), where={"path": place})
        return found[0] if found else None

    def _first_id(self, place: str) -> str:
        """The id that a file gets at its first place, unless one that was there before has it."""
        return key_id(self._scope, place)

    def _below(self, place: str) -> list[Record]:
        """The files in a directory and below."""
        return self.store.list(None, scope=self._scope_of(place), where=_FILES)

    def _at(self, path: str, place: str) -> list[Record]:
        """The file at a place, or the files below it; there is at least one."""
        file = self._file(place)
        found = self._below(place) if file is None else [file]
        if not found:
            raise ToolError(f"The path {path} does not exist")
        return found

    def _existing(self, path: str) -> Record:
        """The file with this path."""
        place = _place(path)
        record = self._file(place)
        if record is None:
            if self._is_folder(place):
                raise ToolError(f"The path {path} is not a file.")
            raise ToolError(f"The path {path} does not exist. Please provide a valid path.")
        return record

    def _is_folder(self, place: str) -> bool:
        scope = self._scope_of(place)
        return place == _ROOT or bool(self.store.list(1, order="written", scope=scope, where=_FILES))

    def _is_there(self, place: str) -> bool:
        return self._file(place) is not None or self._is_folder(place)

    def _check_folders(self, place: str) -> None:
        """Require that no folder of a place is a file. Those above a folder with files are folders, too."""
        while not self._is_folder(place := posixpath.dirname(place)):
            if self._file(place) is not None:
                raise ToolError(f"The path {place} is not a directory.")

    def _folder_scope(self, place: str) -> str:
        return self._scope_of(posixpath.dirname(place))

    def _scope_of(self, place: str) -> str:
        scope = "/".join([self._scope, *map(scope_part, place.split("/")[2:])])
        if len(scope.encode()) > _LONGEST_SCOPE:
            raise ToolError(f"The path {place} is too long.")
        return scope


def _place(path: Any) -> str:
    """A path without dots and doubled slashes. It must be in /memories."""
    if not isinstance(path, str) or not f"{path}/".startswith(f"{_ROOT}/"):
        raise ToolError(f"Path must start with {_ROOT}, got: {path}")
    if clean(path) != path:
        raise ToolError(f"Path {path!r} contains a NUL character or a lone surrogate")
    place = posixpath.normpath(path)
    if not f"{place}/".startswith(f"{_ROOT}/"):
        raise ToolError(f"Path {path} would escape {_ROOT} directory")
    return place


def _text(value: Any, name: str) -> str:
    """An argument that must be text."""
    if not isinstance(value, str):
        raise ToolError(f"Invalid `{name}` parameter: {value!r}. It should be text.")
    return value


@contextmanager
def _refusals() -> Iterator[None]:
    """Let the model read what a record cannot hold."""
    try:
        yield
    except InvalidRecordError as error:
        raise ToolError(str(error)) from error


def _lines_with(part: str, content: str) -> list[int]:
    """The line of each place where a part begins. The empty text begins nowhere."""
    lines, line, seen = [], 1, 0
    at = content.find(part) if part else -1
    while at >= 0:
        line += content.count("\n", seen, at)
        lines.append(line)
        seen, at = at, content.find(part, at + 1)
    return lines
