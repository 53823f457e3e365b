"""The exceptions. Every message says what was wrong, with the value, and what to do."""

from __future__ import annotations


class AgentMemError(Exception):
    """The base class of all exceptions that agentmem defines."""

    at: int | None = None
    """The index of the call that failed, if a batch was sent; None if it was not one call that failed."""


class InvalidRecordError(AgentMemError, ValueError):
    """A record breaks a rule; nothing was written."""


class InvalidFilterError(AgentMemError, ValueError):
    """A filter, limit, query or id of a read breaks a rule."""


class DuplicateIdError(AgentMemError):
    """The id of a new record is in use, or two new records have the same id; nothing was written."""

    id: str
    """The id that is in use."""

    def __init__(self, message: str = "", id: str = "") -> None:
        """Set the message and the id."""
        super().__init__(message)
        self.id = id


class ConflictError(AgentMemError):
    """A compare-and-set found another version than it expects; nothing was written. Read again and retry."""

    expected: int
    """The version or number that was expected; 0 for none."""
    found: int
    """The one that is there; 0 for none."""
    id: str | None
    """The id of the record, if it is about a record."""
    journal: str | None
    """The name of the journal, if it is about a journal."""
    key: str | None
    """The key in the journal's map; None for its log."""

    def __init__(
        self,
        message: str = "",
        expected: int = 0,
        found: int = 0,
        id: str | None = None,
        journal: str | None = None,
        key: str | None = None,
    ) -> None:
        """Set the message, both versions, and what they are about."""
        super().__init__(message)
        self.expected = expected
        self.found = found
        self.id = id
        self.journal = journal
        self.key = key


class BatchError(AgentMemError):
    """A batch was used outside its block, after it was sent, in another thread, or in another process."""


class RecordNotFoundError(AgentMemError, KeyError):
    """The record does not exist, or the caller may not see it."""

    id: str
    """The id that was looked for."""

    def __init__(self, message: str = "", id: str = "") -> None:
        """Set the message and the id."""
        super().__init__(message)
        self.id = id

    def __str__(self) -> str:
        """The message; KeyError would put it in quotes."""
        return str(self.args[0]) if self.args else ""


class DimensionMismatchError(AgentMemError, ValueError):
    """A vector does not have as many dimensions as the vectors in the store."""

    expected: int
    """Dimensions of the vectors in the store."""
    found: int
    """Dimensions of the vector that was given."""

    def __init__(self, message: str = "", expected: int = 0, found: int = 0) -> None:
        """Set the message and both numbers of dimensions."""
        super().__init__(message)
        self.expected = expected
        self.found = found


class EmbedderMismatchError(AgentMemError, ValueError):
    """The vectors in the store are those of another embedder."""

    expected: str
    """The name of the embedder whose vectors the store holds."""
    found: str
    """The name of the embedder that was used."""

    def __init__(self, message: str = "", expected: str = "", found: str = "") -> None:
        """Set the message and both names."""
        super().__init__(message)
        self.expected = expected
        self.found = found


class StoreClosedError(AgentMemError):
    """The store was used after `close`."""


class StoreBusyError(AgentMemError):
    """A lock was held, or all connections were in use, for longer than `busy_timeout`."""


class StoreReadOnlyError(AgentMemError):
    """The store cannot be written, or its schema is older and must be migrated before it is read."""


class StorePathError(AgentMemError, OSError):
    """The file system reported an error: no such folder, no permission, a path that is a folder, a full disk.

    `errno`, `strerror` and `filename` are those of an OSError if the system reported them.
    """


class CorruptStoreError(AgentMemError):
    """The file is a store, but it is damaged."""


class SchemaTooNewError(AgentMemError):
    """A newer agentmem wrote the file, or has migrated it since it was opened."""


class NotAStoreError(AgentMemError):
    """The file is not a store, or others added triggers or views to it; it was left untouched."""
