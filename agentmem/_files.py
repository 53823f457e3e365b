"""Files of JSON lines, to be written and read: named by a path, or opened by the caller."""

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
# Names of what a process has open.
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")


@contextlib.contextmanager
def writable(file: LinesFile) -> Iterator[BinaryIO]:
    """A binary file to write to. One named by its path appears when it is whole, for its owner alone.

    Raises StorePathError where it cannot be made.
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
    """A binary file to read from.

    Raises StorePathError where it cannot be opened.
    """
    if not isinstance(file, (str, os.PathLike)):
        yield _to_read(file)
        return
    with contextlib.ExitStack() as stack:
        with _path_errors(os.fspath(file)):
            lines = stack.enter_context(open(file, "rb"))
        yield lines


def rereadable(file: BinaryIO) -> bool:
    """Can it be read once more, from where it stands? Others than plain files may say so and fail."""
    beneath: Any = file._file if isinstance(file, _Encoded) else file
    beneath = getattr(beneath, "buffer", beneath)
    if isinstance(getattr(beneath, "raw", beneath), (io.FileIO, io.BytesIO, io.StringIO)):
        with contextlib.suppress(OSError):
            file.seek(file.tell())
            return True
    return False


def _replaceable(name: str) -> bool:
    """May a file be put in this place? Devices and pipes are written to; a folder or a store is refused."""
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        if not name:
            raise
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if os.path.abspath(name).startswith(_STREAMS):
        return False  # what is open already may be a file, which goes on
    if stat.S_ISREG(mode) and _is_database(os.path.realpath(name)):
        raise FileExistsError(errno.EEXIST, "it belongs to a database, which an export would destroy")
    return stat.S_ISREG(mode)


def _is_database(path: str) -> bool:
    # One in use is known by what is beside it: to open and close it would drop SQLite's locks on it.
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
    """What is beneath a text file, since lines of JSON are UTF-8 whatever the locale."""
    if not hasattr(file, "write"):
        raise TypeError(f"file must be a path or a file to write to, not {type(file).__name__}")
    beneath: BinaryIO = file
    if hasattr(file, "encoding"):
        file.flush()
        beneath = file.buffer if hasattr(file, "buffer") else cast("BinaryIO", _Encoded(file))
    return beneath


def _to_read(file: Any) -> BinaryIO:
    """What is beneath a text file of the locale's encoding; text in Unicode is taken as it is read."""
    if not hasattr(file, "read"):
        raise TypeError(f"file must be a path or a file to read from, not {type(file).__name__}")
    beneath: BinaryIO = file
    if hasattr(file, "encoding"):
        is_unicode = str(file.encoding or "utf").lower().startswith("utf")
        if is_unicode or not hasattr(file, "buffer"):
            beneath = cast("BinaryIO", _Encoded(file))
        else:
            # A text file reads ahead: what is beneath goes on where the text was read up to.
            if file.seekable():
                file.seek(file.tell())
            beneath = file.buffer
    return beneath


class _Encoded:
    """A text file with nothing beneath, as a binary one."""

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
