"""What adapters share, on a store in PostgreSQL."""

from __future__ import annotations

import agentmem
from agentmem._adapters import Adapter


def test_adapters_on_one_database_share_a_store(url: str) -> None:
    one, other = Adapter(url), Adapter(url)
    assert one.store is other.store
    one.close()
    assert not other.store.closed
    other.close()
    assert other.store.count() == 0
    other.close()


def test_a_password_is_not_shown(url: str) -> None:
    with agentmem.open(url.replace("postgres@", "postgres:secret@")) as store:
        assert "secret" not in repr(store)
        assert "postgres@127.0.0.1" in repr(store)
