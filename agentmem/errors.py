"""What can go wrong. Every message says what was wrong, with the value, and what to do."""

from __future__ import annotations


class AgentMemError(Exception):
    """Everything that agentmem raises of its own derives from this."""


class InvalidRecordError(AgentMemError, ValueError):
    """A record breaks a rule; nothing was written."""


class InvalidFilterError(AgentMemError, ValueError):
    """A filter, limit, query or id of a read breaks a rule."""


class DuplicateIdError(AgentMemError):
    """`add` was given an id that the store holds already, or one id twice; nothing was written."""


class RecordNotFoundError(AgentMemError, KeyError):
    """The record to update is not there."""

    def __str__(self) -> str:
        """The message as it is: KeyError alone would put it in quotes."""
        return str(self.args[0]) if self.args else ""


class DimensionMismatchError(AgentMemError, ValueError):
    """A vector's length is not the length of the vectors in the store."""


class StoreClosedError(AgentMemError):
    """The store was used after `close`."""


class StoreBusyError(AgentMemError):
    """A lock was held, or the pool exhausted, for longer than `busy_timeout`."""


class StoreReadOnlyError(AgentMemError):
    """A write to a store that cannot be written, or an older file that reading alone cannot migrate."""


class StorePathError(AgentMemError, OSError):
    """The file system refused: no such folder, no permission, a folder in place of a file, a full disk.

    `errno`, `strerror` and `filename` are as in any OSError, when the system gave them.
    """


class CorruptStoreError(AgentMemError):
    """The file is a store, but damaged."""


class SchemaTooNewError(AgentMemError):
    """A newer agentmem wrote the file."""


class NotAStoreError(AgentMemError):
    """The file is something else; it was left untouched."""
