"""The records that the user selected: some of a page, or all that pass the filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentmem import Record
from agentmem.inspect.failures import PageError
from agentmem.inspect.filter_form import FilterForm
from agentmem.inspect.visit import Visit


@dataclass(frozen=True)
class Selection:
    """What a form of Browse selects."""

    records: list[Record]
    pairs: list[tuple[str, str]]
    """The fields of a form that selects them again."""

    @classmethod
    def read(cls, visit: Visit, limit: int | None = None) -> Selection:
        """Read the selected records; of all that pass the filters at most `limit`.

        Raises PageError if there are none.
        """
        if visit.form.get("all"):
            filters = FilterForm.read(visit.form)
            records = visit.store.list(limit, **filters.arguments(), **visit.viewer)
            pairs = [("all", "yes"), *filters.pairs()]
        else:
            ids = visit.form.all("id")
            records = [record for record in visit.store.get_many(ids, **visit.viewer) if record]
            pairs = [("id", record.id) for record in records]
        if not records:
            raise PageError(400, "Nothing is selected", "Select records in Browse, and choose what to do.")
        return cls(records, pairs)

    def seen(self) -> dict[str, Any]:
        """The count and the newest version, which change when the records do."""
        return {"count": len(self.records), "newest": max(record.version or 0 for record in self.records)}
