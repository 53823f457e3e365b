"""What all storages for CrewAI share: a store, and a log of the errors that CrewAI would hide."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, ParamSpec, TypeVar

from agentmem._adapters import Adapter, clean

log = logging.getLogger("agentmem")

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

KEPT = timedelta(days=90)
"""How long runs and the outputs of their tasks are kept."""

# Metadata keys for the storages' own use. CrewAI does not see them.
OUTPUT = "_output"  # the whole output, if the content is a part of it
TASK = "_task"  # a digest of the task
DATETIME = "_datetime"  # as CrewAI gave it
SCORE = "_score"  # as CrewAI gave it


class Storage(Adapter):
    """A store behind one of CrewAI's storage interfaces.

    Subclasses must not define `__len__` or `__bool__`: CrewAI replaces a storage that is false with its own.
    """


def logged(method: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Log the errors of `method` and raise them again: CrewAI hides most of them."""

    @functools.wraps(method)
    def run(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            log.exception("%s.%s failed: %s", type(args[0]).__name__, method.__name__, error)
            raise

    return run


def normalised(scope: str) -> str:
    """A valid scope for a text that an LLM may have made up: invalid parts are left out."""
    parts = [part for part in clean(scope).strip().split("/") if part.strip() not in ("", ".", "..")]
    return "/" + "/".join(parts).rstrip()


def aware(moment: datetime) -> datetime:
    """`moment` with a time zone. CrewAI's dates without one are in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def public_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """`metadata` without the keys for the storages' own use."""
    return {key: value for key, value in metadata.items() if key not in (OUTPUT, TASK, DATETIME, SCORE)}
