"""What a screen returns: data for a template, which is also the page's JSON twin; or the next page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Page:
    """A template and the data that it shows."""

    template: str
    """The name in `templates/`, without its ending."""
    title: str
    data: dict[str, Any]
    status: int = 200


@dataclass(frozen=True)
class Next:
    """Leads the browser to another page after something was done."""

    address: str


@dataclass(frozen=True)
class Download:
    """A file for the user to keep."""

    name: str
    content: bytes
    kind: str
