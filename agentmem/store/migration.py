"""The schema of a store: which version it has, and how it gets the newest."""

from __future__ import annotations

import os

from agentmem import _core
from agentmem.store.path import refuse_other_urls
from agentmem.types import MigrationStatus, StorePath


def migration_status(path: StorePath) -> MigrationStatus:
    """Return the schema version of a store and the missing migrations. Nothing is written."""
    _refuse(path)
    return MigrationStatus(**_core.migration_status(path))


def migrate(url: str, *, space_depth: int | None = None, partitions: int | None = None) -> MigrationStatus:
    """Make the tables of a store in PostgreSQL, or bring them to the newest schema, in one transaction.

    Return the state before. This needs the right to create tables; using the store does not. A file needs no
    such call: it is migrated when it is opened.

        space_depth: how many parts of a scope name a space, which is as much as one file holds: 1 unless the
            store exists. With 0, the whole store is one space. It cannot be changed later.
        partitions: into how many partitions each table is divided: 64 unless the store exists, 0 for none.
    """
    _refuse(url)
    return MigrationStatus(**_core.migrate(url, space_depth, partitions))


def _refuse(path: StorePath) -> None:
    if isinstance(text := os.fspath(path), str):
        refuse_other_urls(text)
