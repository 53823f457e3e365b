"""A page's call as Python and as a command, to be copied."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentmem.store.path import shown
from agentmem.types import Viewer

_OPTIONS = {"categories": "category", "half_life_days": None, "order": None, "dialogue": None}
_OPTIONS |= {"recency_weight": None, "importance_weight": None}


@dataclass(frozen=True)
class Call:
    """How to get what a page shows without it."""

    python: str
    command: str | None = None
    """The same with the command line, if that can do it."""


def call(
    path: str, method: str, *args: Any, viewer: Viewer | None = None, command: str | None = None, **named: Any
) -> Call:
    """The call of a method of the store at `path`; `command` is the subcommand that does the same.

    The password of a URL is left out.
    """
    path = shown(path)
    named |= {name: value for name, value in (viewer or {}).items() if value}
    arguments = [*map(repr, args), *(f"{name}={value!r}" for name, value in named.items())]
    opened = f"import agentmem\n\nstore = agentmem.open({path!r}, read_only=True)\n"
    python = f"{opened}store.{method}({', '.join(arguments)})"
    lacking = any(_OPTIONS.get(name, name) is None for name in named)
    words = None if command is None or lacking else _words(path, command, args, named)
    return Call(python, None if words is None else shlex.join(words))


def _words(path: str, command: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> list[str]:
    words = ["agentmem", command]
    for name, value in named.items():
        option = f"--{(_OPTIONS.get(name) or name).replace('_', '-')}"
        values = value if isinstance(value, list) else [value]
        for one in values:
            text = json.dumps(one, ensure_ascii=False) if isinstance(one, dict) else str(one)
            words += [option] if one is True else [option, text]
    positional = [str(one) for one in args]
    guard = ["--"] if any(text.startswith("-") for text in positional) else []
    return [*words, "--path", path, *guard, *positional]
