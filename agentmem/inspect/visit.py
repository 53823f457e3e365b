"""One request: what it asks for, and where links lead from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from agentmem import MemoryStore, Record, RecordNotFoundError
from agentmem.types import Viewer

if TYPE_CHECKING:
    from agentmem.inspect.inspector import Inspector

Pairs = Sequence[tuple[str, str]]


class Fields:
    """The fields of a query string or of a form, in order. A name may occur several times."""

    def __init__(self, pairs: Pairs) -> None:
        """Take names and values."""
        self.pairs = [(name, value.replace("\r\n", "\n")) for name, value in pairs]

    def all(self, name: str) -> list[str]:
        """The values of a name that are not empty."""
        return [value for key, value in self.pairs if key == name and value]

    def get(self, name: str, default: str = "") -> str:
        """The last value of a name, or the default if there is none or it is empty."""
        return (self.all(name) or [default])[-1]

    def without(self, *names: str) -> list[tuple[str, str]]:
        """All but these names."""
        return [(name, value) for name, value in self.pairs if name not in names]


@dataclass(frozen=True)
class Visit:
    """A request to the inspector."""

    inspector: Inspector
    path: str
    root: str
    """The path under which the inspector is mounted."""
    query: Fields
    form: Fields
    last_event: str = ""
    """The id of the last server-sent event that the browser has, when it connects again."""

    @property
    def store(self) -> MemoryStore:
        """The store that is shown."""
        return self.inspector.store

    @property
    def viewer(self) -> Viewer:
        """Which private records are shown."""
        return self.inspector.viewer

    def link(self, path: str, pairs: Iterable[tuple[str, str]] = (), **more: object) -> str:
        """The address of a page; values of `more` that are None are left out."""
        named = [*pairs, *((name, str(value)) for name, value in more.items() if value is not None)]
        asked = urlencode(named, errors="surrogatepass")
        return f"{self.root}{path}?{asked}" if asked else f"{self.root}{path}"

    def here(self, **changes: object) -> str:
        """The address of this page with other values; None takes one out."""
        return self.link(self.path, self.query.without(*changes), **changes)

    def back(self, default: str) -> str:
        """Where the user came from, if that is a page of the inspector."""
        given = self.form.get("back") or self.query.get("back")
        own = given.startswith(f"{self.root}/") and not given.startswith("//") and "\\" not in given
        return given if own else self.link(default)

    def returning(self, default: str, done: int | None = None) -> str:
        """The address to go back to, with a notice of what was done."""
        address, _, fragment = self.back(default).partition("#")
        path, _, query = address.partition("?")
        pairs = [(name, value) for name, value in parse_qsl(query) if name != "done"]
        asked = urlencode([*pairs, *([] if done is None else [("done", str(done))])])
        return path + (f"?{asked}" if asked else "") + (f"#{fragment}" if fragment else "")

    def record(self, id: str) -> Record:
        """The record with this id. Raises RecordNotFoundError if it is not shown."""
        record = self.store.get(id, **self.viewer)
        if record is None:
            raise RecordNotFoundError(f"there is no record {id!r}, or it is private", id)
        return record
