"""The files of an account export: a zip, the folder that it was unpacked into, or one file of it."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agentmem import AgentMemError

# JSON shrinks to a tenth; what would grow more than that many times, to more than that, is an attack.
_MOST_GROWTH = 200
_HARMLESS = 100 << 20


@dataclass(frozen=True)
class ExportFile:
    """A file of an export, in a folder or in a zip."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        """Where it is, for messages."""
        return f"{self.path}, {self.member}" if self.member else str(self.path)

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the name of the file."""
        return tuple(self.member.split("/")) if self.member else self.path.parts

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file. Raises ValueError for a member of a zip that cannot be read."""
        if not self.member:
            with self.path.open("rb") as file:
                yield file
            return
        with zipfile.ZipFile(self.path) as archive:
            info = archive.getinfo(self.member)
            if info.file_size > max(_HARMLESS, _MOST_GROWTH * info.compress_size):
                raise ValueError(f"it grows from {info.compress_size:,} to {info.file_size:,} bytes")
            with archive.open(info) as file:
                yield file


def export_files(path: Path) -> list[ExportFile]:
    """The JSON files of an export, sorted. Those in zips in a folder are among them.

    Raises AgentMemError if there is no such file, or if a zip is damaged.
    """
    if path.is_dir():
        found = (file for file in sorted(path.rglob("*")) if file.suffix in (".json", ".zip"))
        return [file for each in found if each.is_file() for file in export_files(each)]
    if not path.exists():
        raise AgentMemError(f"there is no {path}; name the zip or the folder of the export")
    if not zipfile.is_zipfile(path):
        return [ExportFile(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            return [ExportFile(path, name) for name in sorted(archive.namelist()) if name.endswith(".json")]
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise AgentMemError(f"{path} is damaged: {error}") from error
