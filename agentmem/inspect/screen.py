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
    """Has a JSON twin at `path + ".json"`, unless it is posted: then only forms of the inspector reach it."""

    path: str
    show: Callable[[Visit], Answer]
    writes: bool = False
    """Whether it changes anything; then it is posted, too."""
    posted: bool = False

    @property
    def is_form(self) -> bool:
        """Whether it is reached by POST."""
        return self.writes or self.posted
