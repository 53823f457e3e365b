"""What went wrong, as a page with the status of HTTP."""

from __future__ import annotations

import logging
from typing import Literal

import agentmem

_STATUS: dict[type[Exception], tuple[int, str]] = {
    agentmem.InvalidFilterError: (400, "This cannot be asked"),
    agentmem.InvalidRecordError: (400, "This cannot be stored"),
    agentmem.RecordNotFoundError: (404, "No such record"),
    agentmem.StoreReadOnlyError: (405, "The store is read-only"),
    agentmem.ConflictError: (409, "The record has changed meanwhile"),
    agentmem.DuplicateIdError: (409, "The id is in use"),
    agentmem.StoreBusyError: (503, "The store is busy"),
    agentmem.StoreClosedError: (503, "The store is closed"),
    agentmem.CorruptStoreError: (500, "The store is damaged"),
    agentmem.AgentMemError: (500, "The store reports an error"),
}


_SEVERAL_SPACES = (
    "This store has many spaces, and this looks into one of them: give a scope, whose first parts name it."
)


Remedy = Literal["scope", "retry", "health"]
"""What helps: to choose a scope, to try again, or to look at Health."""
_REMEDIES: dict[type[Exception], Remedy] = {
    agentmem.StoreBusyError: "retry",
    agentmem.CorruptStoreError: "health",
}


class PageError(Exception):
    """Ends a request."""

    def __init__(self, status: int, title: str, text: str, remedy: Remedy | None = None) -> None:
        """Set the status of HTTP, what the page says, and what it offers."""
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text
        self.remedy = remedy

    def fields(self) -> dict[str, object]:
        """What a page needs."""
        names = ("status", "title", "text", "remedy")
        return {name: getattr(self, name) for name in names}


def failure_of(error: Exception) -> PageError:
    """What a page says about an exception. One that nobody expects is logged, and its text is not shown."""
    if isinstance(error, PageError):
        return error
    if isinstance(error, agentmem.InvalidFilterError) and "inside one space" in str(error):
        return PageError(400, "Choose a scope", _SEVERAL_SPACES, "scope")
    for kind, (status, title) in _STATUS.items():
        if isinstance(error, kind):
            return PageError(status, title, str(error), _REMEDIES.get(kind))
    logging.getLogger("agentmem.inspect").error("a page failed", exc_info=error)
    return PageError(500, "The inspector has a fault", "The terminal in which it runs shows the details.")
