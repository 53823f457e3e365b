"""A screen: an address and the function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from agentmem.inspect.page import Download, Next, Page, Stream
from agentmem.inspect.visit import Visit

Answer: TypeAlias = Page | Next | Download | Stream


@dataclass(frozen=True)
class Screen:
    """Has a JSON twin at `path + ".json"`, unless it writes: then only forms of the inspector reach it."""

    path: str
    show: Callable[[Visit], Answer]
    writes: bool = False
