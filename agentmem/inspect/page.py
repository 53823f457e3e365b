"""What a screen returns: data for a template, which is also the page's JSON twin; or the next page."""

from __future__ import annotations

from collections.abc import Iterator
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
class Stream:
    """Server-sent events without an end, each rendered with a template."""

    template: str
    events: Iterator[tuple[str, dict[str, Any]] | None]
    """The id and the data of each event; None to say only that the server is there."""


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
