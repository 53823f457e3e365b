"""The statements of docs/guides/postgresql.md about roles and row-level security do what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server

import agentmem

DOCUMENT = Path(__file__).parents[2] / "docs" / "guides" / "postgresql.md"


def statements(name: str) -> str:
    """The block of SQL in the document that begins with this comment."""
    (block,) = re.findall(rf"```sql\n-- {name}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return block


@pytest.fixture
def fenced(server: Server) -> Iterator[str]:
    """A database with a store, the role of the document, and its row-level security."""
    server.sql("CREATE DATABASE fenced")
    agentmem.migrate(server.url("fenced"), space_depth=1, partitions=2)
    server.sql(statements("role"), "fenced")
    yield "fenced"
    server.sql("DROP DATABASE fenced WITH (FORCE)")
    server.sql("DROP ROLE IF EXISTS alice, mallory; DROP ROLE agentmem_app")


def test_a_program_needs_no_right_to_make_tables(fenced: str, server: Server) -> None:
    with agentmem.open(server.url(fenced, user="agentmem_app")) as store:
        id = store.add("red car", scope="/a")
        store.update(id, importance=0.9)
        store.journal("a/log").append(1)
        assert store.search("car", scope="/a")
        store.add_many([{"content": f"car {n}", "scope": "/a"} for n in range(5000)])
        assert store.reset() == 5001
        assert store.verify().ok
    with pytest.raises(agentmem.StorePathError, match=r"permission denied|must be owner"):
        agentmem.migrate(server.url(fenced, user="agentmem_app"))


def test_a_tenant_sees_its_space_alone(fenced: str, server: Server) -> None:
    server.sql(statements("row-level security"), fenced)
    server.sql("CREATE ROLE mallory LOGIN IN ROLE agentmem_app")
    with agentmem.open(server.url(fenced)) as owner:
        owner.add("a secret of bob", id="bob", scope="/bob")
        owner.journal("bob/log").append("secret")
    for role in ("alice", "mallory"):
        with agentmem.open(server.url(fenced, user=role)) as store:
            own = store.add(f"a car of {role}", scope=f"/{role}")
            assert [hit.record.id for hit in store.search("car secret")] == [own]
            assert store.search("secret", scope="/bob") == []
            assert (store.get("bob"), store.count(), store.scopes()) == (None, 1, [f"/{role}"])
            assert store.journal("bob/log").read() == []
            with pytest.raises(agentmem.StorePathError, match="row-level security"):
                store.add("an intruder", scope="/carol")
            with pytest.raises(agentmem.AgentMemError):
                store.add("an intruder", scope="/bob")
            assert store.delete(ids=["bob"]) == 0
    with agentmem.open(server.url(fenced)) as owner:
        assert owner.count() == 3
