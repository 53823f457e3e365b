"""Where a store is: a file, or a database with a URL."""

from __future__ import annotations

import os
import re

from agentmem.errors import StorePathError
from agentmem.types import StorePath

DEFAULT_PATH = "agentmem.db"
PATH_VARIABLE = "AGENTMEM_PATH"

_PASSWORD = re.compile(r"(?<=://)([^:@/?]*):[^?]*(?=@)")
_SCHEME = re.compile(r"(?i)([a-z][a-z0-9+.-]+://|postgres(?:ql)?(?:\+\w+)?:/)")
_PASSWORD_OPTION = re.compile(r"(?<=[?&]password=)[^&]*")


def absolute(path: StorePath | None) -> str:
    """The absolute path, so that a later change of the working directory does not matter."""
    given = os.fspath(path) if path is not None else os.environ.get(PATH_VARIABLE) or DEFAULT_PATH
    if not isinstance(given, str):
        raise TypeError(f"path must be str or os.PathLike[str], not {type(given).__name__}")
    if given == ":memory:":
        raise StorePathError(
            "a store is a file, ':memory:' is none; for a temporary store, use a file in a temporary folder"
        )
    if is_url(given):
        return given
    refuse_other_urls(given)
    try:
        return os.path.abspath(given) if given else given
    except OSError as error:  # the working directory is gone
        raise StorePathError(error.errno, error.strerror, given) from error


def refuse_other_urls(path: str) -> None:
    """Raise StorePathError for a URL that is not that of a store. The rest of it may be a password."""
    scheme = None if is_url(path) else _SCHEME.match(path)
    if scheme:
        raise StorePathError(
            f"{scheme[0]!r} begins no URL of a store; a database has postgresql://..., and a file has a path"
        )


def is_url(path: str) -> bool:
    """Whether a store of this name is in a database."""
    return path.startswith(("postgresql://", "postgres://"))


def shown(path: str) -> str:
    """A path or URL as people may see it: without the password of a URL."""
    return _PASSWORD_OPTION.sub("***", _PASSWORD.sub(r"\1", path)) if is_url(path) else path
