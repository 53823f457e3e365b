"""What went wrong, as a page with the status of HTTP."""

from __future__ import annotations

import logging

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


class PageError(Exception):
    """Ends a request."""

    def __init__(self, status: int, title: str, text: str) -> None:
        """Set the status of HTTP and what the page says."""
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text

    def fields(self) -> dict[str, object]:
        """What a page needs."""
        return {"status": self.status, "title": self.title, "text": self.text}


def failure_of(error: Exception) -> PageError:
    """What a page says about an exception. One that nobody expects is logged, and its text is not shown."""
    if isinstance(error, PageError):
        return error
    for kind, (status, title) in _STATUS.items():
        if isinstance(error, kind):
            return PageError(status, title, str(error))
    logging.getLogger("agentmem.inspect").error("a page failed", exc_info=error)
    return PageError(500, "The inspector has a fault", "The terminal in which it runs shows the details.")
