"""Items as records.

An item is a record. If several of its texts have vectors, each but the first is in a record without text.
These are private to a source, so that no list and no count sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langgraph.store.base import Item, SearchItem

from agentmem import Record

VECTORS = "agentmem.langgraph"
"""The source of the records that have further vectors."""


_DEEPEST = 100  # as deep as metadata may be


def metadata_of(namespace: Sequence[str], key: str, value: Mapping[str, Any], **about: Any) -> dict[str, Any]:
    """The metadata of an item. What is said about it is left out if it is empty.

    "lists" are JSON pointers to the lists with items that a filter can name, which a condition cannot tell
    from dicts.
    """
    about["lists"] = list(_lists(value, "/value", 0))
    stated = {name: fact for name, fact in about.items() if fact}
    return {"namespace": list(namespace), "key": key, "value": dict(value), **stated}


def _lists(value: Mapping[str, Any], root: str, depth: int) -> Iterator[str]:
    for key, part in value.items():
        if isinstance(part, Mapping) and depth <= _DEEPEST:
            yield from _lists(part, pointer_to(root, str(key)), depth + 1)
        elif isinstance(part, (list, tuple)) and part:
            yield pointer_to(root, str(key))


def pointer_to(root: str, key: str) -> str:
    """The JSON pointer to a key of the dict at `root`."""
    return f"{root}/{key.replace('~', '~0').replace('/', '~1')}"


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
