"""Files of JSON lines, to be written and read: named by a path, or opened by the caller."""

from __future__ import annotations

import builtins
import codecs
import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO, cast

from .errors import StorePathError

LinesFile = str | os.PathLike[str] | BinaryIO | TextIO

_SQLITE = b"SQLite format 3\0"


@contextlib.contextmanager
def writable(file: LinesFile) -> Iterator[BinaryIO]:
    """A binary file to write to. One named by its path appears when it is whole, for its owner alone."""
    if not isinstance(file, (str, os.PathLike)):
        yield _binary(file)
        return
    with _path_errors(os.fspath(file)):
        path = os.path.realpath(file)
        if _replaceable(path):
            handle, unfinished = tempfile.mkstemp(".part", ".agentmem-", os.path.dirname(path))
        else:
            handle, unfinished = os.open(path, os.O_WRONLY), None
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
        if unfinished is not None:
            with _path_errors(os.fspath(file)):
                os.replace(unfinished, path)
    except BaseException:
        if unfinished is not None:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
        raise


@contextlib.contextmanager
def readable(file: LinesFile) -> Iterator[BinaryIO]:
    """A binary file to read from."""
    if not isinstance(file, (str, os.PathLike)):
        yield _binary(file)
        return
    with contextlib.ExitStack() as stack:
        with _path_errors(os.fspath(file)):
            lines = stack.enter_context(builtins.open(file, "rb"))
        yield lines


def _replaceable(path: str) -> bool:
    """May a file be put in this place? A device or a pipe is written to; a folder or a store is refused."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if not path:
            raise
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISREG(mode) and _is_database(path):
        raise FileExistsError(errno.EEXIST, "it is a database, which an export would replace")
    return stat.S_ISREG(mode)


def _is_database(path: str) -> bool:
    # One in use is known by what is beside it: to open and close it would drop SQLite's locks on it.
    if any(os.path.exists(path + beside) for beside in ("-wal", "-shm", "-journal")):
        return True
    with builtins.open(path, "rb") as there:
        return there.read(len(_SQLITE)) == _SQLITE


@contextlib.contextmanager
def _path_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorePathError(error.errno, error.strerror, path) from error


def _binary(file: BinaryIO | TextIO) -> BinaryIO:
    """What is beneath a text file, since lines of JSON are UTF-8 whatever the locale."""
    if not (hasattr(file, "write") or hasattr(file, "read")):
        raise TypeError(f"file must be a path or a file, not {type(file).__name__}")
    if not hasattr(file, "encoding"):
        return file
    buffer = getattr(file, "buffer", None)
    if buffer is None:
        return cast("BinaryIO", _Encoded(cast("TextIO", file)))
    file.flush()
    if file.seekable():
        # A text file reads ahead: what is beneath goes on where the text was read up to.
        file.seek(file.tell())
    return cast("BinaryIO", buffer)


class _Encoded:
    """A text file with nothing beneath, as a binary one."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read(self, size: int) -> bytes:
        most_bytes_of_a_character = 4
        return self._file.read(max(size // most_bytes_of_a_character, 1)).encode(errors="surrogatepass")

    def write(self, data: bytes) -> Any:
        return self._file.write(self._decoder.decode(data))

    def flush(self) -> None:
        self._file.flush()
