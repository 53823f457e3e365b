"""Files of JSON lines, given as a path or as an open file."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO, cast

from .errors import StorePathError

LinesFile = str | os.PathLike[str] | BinaryIO | TextIO

_SQLITE = b"SQLite format 3\0"
# Paths of files that a process has open.
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")


@contextlib.contextmanager
def writable(file: LinesFile) -> Iterator[BinaryIO]:
    """Yield a binary file to write to. For a path, the file appears once it is complete, for its owner only.

    Raises StorePathError if the file cannot be made.
    """
    if not isinstance(file, (str, os.PathLike)):
        yield _to_write(file)
        return
    name = os.fspath(file)
    unfinished = None
    with _path_errors(name):
        if _replaceable(name):
            path = os.path.realpath(name)
            handle, unfinished = tempfile.mkstemp(".part", ".agentmem-", os.path.dirname(path))
        else:
            handle = os.open(name, os.O_WRONLY | os.O_APPEND)
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
        if unfinished is not None:
            with _path_errors(name):
                os.replace(unfinished, path)
    except BaseException:
        if unfinished is not None:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
        raise


@contextlib.contextmanager
def readable(file: LinesFile) -> Iterator[BinaryIO]:
    """Yield a binary file to read from.

    Raises StorePathError if it cannot be opened.
    """
    if not isinstance(file, (str, os.PathLike)):
        yield _to_read(file)
        return
    with contextlib.ExitStack() as stack:
        with _path_errors(os.fspath(file)):
            lines = stack.enter_context(open(file, "rb"))
        yield lines


def rereadable(file: BinaryIO) -> bool:
    """Whether the file can be read again from its position; only plain files can for sure."""
    inner: Any = file._file if isinstance(file, _Encoded) else file
    inner = getattr(inner, "buffer", inner)
    if isinstance(getattr(inner, "raw", inner), (io.FileIO, io.BytesIO, io.StringIO)):
        with contextlib.suppress(OSError):
            file.seek(file.tell())
            return True
    return False


def _replaceable(name: str) -> bool:
    """Whether a finished file may replace this path; devices and pipes are written to instead.

    Raises an error for a folder and for a database.
    """
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        if not name:
            raise
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if os.path.abspath(name).startswith(_STREAMS):
        return False  # an open file is continued
    if stat.S_ISREG(mode) and _is_database(os.path.realpath(name)):
        raise FileExistsError(errno.EEXIST, "this is a database, and an export would destroy it")
    return stat.S_ISREG(mode)


def _is_database(path: str) -> bool:
    # Opening and closing a database in use would drop SQLite's locks, so the files beside it identify it.
    for suffix in ("-wal", "-shm", "-journal"):
        if os.path.exists(path + suffix) or (path.endswith(suffix) and os.path.exists(path[: -len(suffix)])):
            return True
    if not os.path.exists(path):
        return False
    with open(path, "rb") as there:
        return there.read(len(_SQLITE)) == _SQLITE


@contextlib.contextmanager
def _path_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorePathError(error.errno, error.strerror, path) from error


def _to_write(file: Any) -> BinaryIO:
    """The binary file below a text file: JSON lines are UTF-8, whatever the locale."""
    if not hasattr(file, "write"):
        raise TypeError(f"file must be a path or a file to write to, not {type(file).__name__}")
    binary: BinaryIO = file
    if hasattr(file, "encoding"):
        file.flush()
        binary = file.buffer if hasattr(file, "buffer") else cast("BinaryIO", _Encoded(file))
    return binary


def _to_read(file: Any) -> BinaryIO:
    """The binary file below a text file. If the text file decodes Unicode, its text is encoded as UTF-8."""
    if not hasattr(file, "read"):
        raise TypeError(f"file must be a path or a file to read from, not {type(file).__name__}")
    binary: BinaryIO = file
    if hasattr(file, "encoding"):
        is_unicode = str(file.encoding or "utf").lower().startswith("utf")
        if is_unicode or not hasattr(file, "buffer"):
            binary = cast("BinaryIO", _Encoded(file))
        else:
            # A text file reads ahead, so the binary file is moved to where the text was read up to.
            if file.seekable():
                file.seek(file.tell())
            binary = file.buffer
    return binary


class _Encoded:
    """A text file without a binary file below, seen as a binary file in UTF-8."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read(self, size: int) -> bytes:
        most_bytes_of_a_character = 4
        return self._file.read(max(size // most_bytes_of_a_character, 1)).encode(errors="surrogatepass")

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, place: int) -> int:
        return self._file.seek(place)

    def write(self, data: bytes) -> Any:
        return self._file.write(self._decoder.decode(data))

    def flush(self) -> None:
        self._file.flush()
