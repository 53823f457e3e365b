"""Reading another program's SQLite file without changing it."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from agentmem import AgentMemError

from .json_files import LARGEST

# Bytes 18 and 19 of a file with a write-ahead log, https://www.sqlite.org/fileformat.html.
_HEADER = b"SQLite format 3\0"
_WITH_LOG = b"\2\2"


def open_sqlite(path: Path, scratch: Path) -> sqlite3.Connection:
    """Open a database that other programs may be using, and leave its folder as it is.

    Reading a database that has a write-ahead log creates files beside it, so it is copied into `scratch`.
    Any other is opened read-only. Text that is not UTF-8 gets replacement characters. From
    Python 3.11 on, a value of more than `LARGEST` bytes is an error.
    """
    with path.open("rb") as file:
        header = file.read(20)
    if not header.startswith(_HEADER):
        raise AgentMemError(f"{path} is not a SQLite file")
    if header[18:20] == _WITH_LOG:
        copy = Path(tempfile.mkdtemp(dir=scratch)) / "copy.db"
        for suffix in ("", "-wal"):
            if (part := path.with_name(path.name + suffix)).exists():
                shutil.copyfile(part, f"{copy}{suffix}")
        connection = sqlite3.connect(copy)
    else:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    if sys.version_info >= (3, 11):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """The names of a table's columns; none if there is no such table."""
    return [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
