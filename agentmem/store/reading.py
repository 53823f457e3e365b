"""Reading records by id, by filter, by place and by the order of writes."""

from __future__ import annotations

import builtins
from typing import Any

from typing_extensions import Unpack

from agentmem._core import Record
from agentmem.errors import InvalidFilterError
from agentmem.store.part import StorePart
from agentmem.types import Change, Changes, Filters, FiltersInScope, Names, Order, ScopeInfo, Viewer, When


class Reading(StorePart):
    """The methods of a store that read records as they are."""

    def get(
        self, id: str, *, at: When | None = None, scope: str | None = None, **viewer: Unpack[Viewer]
    ) -> Record | None:
        """Return the record with this id, or None if there is none or the caller may not see it.

        `at` is a moment: then it is the version that was current at that moment, by `created_at`. With
        `scope`, a record that is now neither in this scope nor below is not found. In PostgreSQL, all spaces
        are looked into unless the scope is inside one, and InvalidFilterError is raised if several have the
        id.
        """
        if not isinstance(id, str):
            raise InvalidFilterError(f"invalid filter: id must be text, not {id!r} ({type(id).__name__})")
        if at is not None:
            return self._store.get_at(id, at, scope, **_viewer(viewer))
        return self.get_many([id], scope=scope, **viewer)[0]

    def history(
        self, id: str, *, scope: str | None = None, **viewer: Unpack[Viewer]
    ) -> builtins.list[Record]:
        """Return all versions of a record that the caller may see, oldest first, the current one last.

        The list is empty if there is no such record. Versions that were corrected by `update` are not kept.
        A past version has no `expires_at`: it leaves with the current one. `scope` is that of `get`: it is
        about the current version.
        """
        return self._store.history(id, scope, **_viewer(viewer))

    def get_many(
        self, ids: Names, *, scope: str | None = None, **viewer: Unpack[Viewer]
    ) -> builtins.list[Record | None]:
        """Return the record for each id, in order; None where there is none or the caller may not see it.

        `scope` is that of `get`.
        """
        return self._store.get(ids, scope, **_viewer(viewer))

    def list(
        self,
        limit: int | None = 100,
        offset: int = 0,
        *,
        order: Order = "newest",
        after: int | None = None,
        **filters: Unpack[Filters],
    ) -> builtins.list[Record]:
        """Return the records that pass the filters; `limit=None` returns all.

        `after` goes with `order="written"` and returns records with a higher version. A reader that passes
        the last version it has seen misses no write, and every page costs the same.
        """
        return self._store.list(limit, offset, order, after, **filters)

    def count(self, **filters: Unpack[Filters]) -> int:
        """Return how many records pass the filters."""
        return self._store.count(**filters)

    def scopes(
        self,
        parent: str = "/",
        *,
        recursive: bool = False,
        after: str | None = None,
        limit: int | None = None,
        **viewer: Unpack[Viewer],
    ) -> builtins.list[str]:
        """Return the immediate child scopes that have records in or below them, sorted.

        With `recursive=True`, return every scope at or below `parent` that has records itself. Pages begin
        behind the scope `after`.
        """
        return self._store.scopes(parent, recursive, after, limit, **_viewer(viewer))

    def scope_info(self, scope: str, **viewer: Unpack[Viewer]) -> ScopeInfo:
        """Return the number of records in a scope, with their categories, dates and child scopes."""
        return ScopeInfo(**self._store.scope_info(scope, **_viewer(viewer)))

    def categories(self, /, scope: str | None = None, **filters: Unpack[FiltersInScope]) -> dict[str, int]:
        """Return the categories in use with their counts, most frequent first."""
        return self._store.categories(scope=scope, **filters)

    def changes(
        self,
        after: str | None = None,
        limit: int = 1000,
        *,
        scope: str | None = None,
        **viewer: Unpack[Viewer],
    ) -> Changes:
        """Return writes and deletions by any process since a cursor, in order.

        `after=None` begins with the oldest record; `changes(limit=0).cursor` is the current position.
        Touches and expiry do not appear. Writes of private records appear to those who may see the records.
        In a store in PostgreSQL that has spaces, the changes are those of the space that holds `scope`.
        """
        items, cursor, complete = self._store.changes(after, limit, scope, **_viewer(viewer))
        changes = [
            Change(kind, version, None if record is None else record.id, record)
            for kind, version, record in items
        ]
        return Changes(changes, cursor, complete)


def _viewer(viewer: Viewer) -> dict[str, Any]:
    return {"source": None, "include_private": False, **viewer}
