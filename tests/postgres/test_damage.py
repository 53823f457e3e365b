"""A page of the server that its disk has changed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from postgres_server import Server

import agentmem

EXPIRES = datetime(2060, 1, 1, tzinfo=UTC)
STORED = struct.pack("<q", int(EXPIRES.timestamp()) * 1_000_000)
# One bit less makes it a day in the past.
FLIPPED = STORED[:6] + bytes([STORED[6] ^ 0x08]) + STORED[7:]


@pytest.fixture
def checked() -> Iterator[Server]:
    """A server with checksums of its pages."""
    server = Server()
    server.stop()
    server.enable_checksums()
    server.start()
    yield server
    server.remove()


def replace_in_table(server: Server, old: bytes, new: bytes) -> None:
    """Change the only place where the file of the records has these bytes, while the server is stopped."""
    file = server.data / server.sql("SELECT pg_relation_filepath('agentmem_records')")
    server.stop()
    pages = file.read_bytes()
    assert pages.count(old) == 1
    file.write_bytes(pages.replace(old, new))
    server.start()


def test_a_flipped_bit_in_an_expiry_deletes_nothing(checked: Server) -> None:
    agentmem.migrate(checked.url(), space_depth=0, partitions=0)
    with agentmem.open(checked.url()) as store:
        store.add("red car", id="car", expires_at=EXPIRES)
        store.add("soon gone", ttl=0.001)
        replace_in_table(checked, STORED, FLIPPED)
        for use in (store.purge, store.count, lambda: store.get("car"), lambda: store.add("blue car")):
            with pytest.raises(agentmem.CorruptStoreError):
                use()
        replace_in_table(checked, FLIPPED, STORED)
        assert [record.id for record in store.list()] == ["car"]
