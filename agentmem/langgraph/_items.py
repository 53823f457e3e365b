"""Items as records.

An item is a record. If several of its texts have vectors, each but the first is in a record without text.
These are private to a source, so that no list and no count sees them.
"""

from __future__ import annotations

from langgraph.store.base import Item, SearchItem

from agentmem import Record

VECTORS = "agentmem.langgraph"
"""The source of the records that have further vectors."""


def item_of(record: Record) -> Item:
    """The item in a record."""
    found = record.metadata
    return Item(
        value=found["value"],
        key=found["key"],
        namespace=found["namespace"],
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def search_item(record: Record, score: float | None) -> SearchItem:
    """The item in a record that a search has found."""
    found = record.metadata
    return SearchItem(
        found["namespace"], found["key"], found["value"], record.created_at, record.updated_at, score
    )


def owner_of(record: Record) -> str:
    """The id of the item that a record or a further vector belongs to."""
    return str(record.metadata.get("of", record.id)) if record.private else record.id


def vector_ids(item: Record) -> list[str]:
    """The ids of the records that have an item's further vectors."""
    return [f"{item.id}/{number}" for number in range(item.metadata.get("vectors", 0))]
