"""Namespaces of LangGraph's stores as scopes.

Each label is a part of the scope, so that a prefix of a namespace is a scope above. The length of a scope has
a limit: where labels do not fit, it ends with a part that no label has, and metadata tells the others.
"""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import unquote

from langgraph.store.base import MatchCondition

from agentmem import MemoryStore
from agentmem._adapters import scope_part

Namespace = tuple[str, ...]

ROOT = "/langgraph"
_CUT = "%"  # scope_part makes it of the empty text only, and no label is empty
_LONGEST_SCOPE = 1000
_SURELY_WHOLE = 150  # bytes of a part that scope_part did not shorten


@functools.lru_cache(maxsize=4096)
def scope_of(namespace: Namespace) -> str:
    """The scope of a namespace."""
    scope = ROOT
    for label in namespace:
        deeper = f"{scope}/{scope_part(label)}"
        if len(deeper.encode()) > _LONGEST_SCOPE:
            return f"{scope}/{_CUT}"
        scope = deeper
    return scope


def within(prefix: Namespace) -> tuple[str, list[dict[str, Any]]]:
    """The scope of all items whose namespace has a prefix, and what else their metadata must meet."""
    scope = scope_of(prefix)
    if not scope.endswith(f"/{_CUT}"):
        return scope, []
    first = scope.count("/") - 2
    return scope, [{f"/namespace/{place}": prefix[place]} for place in range(first, len(prefix))]


def namespaces(store: MemoryStore, scope: str) -> set[Namespace]:
    """The namespaces at or below a scope that have items."""
    found: set[Namespace] = set()
    for each in store.scopes(scope, recursive=True):
        labels = each.split("/")[2:]
        if "%" not in each:
            found.add(tuple(labels))
        elif labels[-1] == _CUT:
            found.update(tuple(item.metadata["namespace"]) for item in store.list(None, scope=each))
        elif any(len(label.encode()) > _SURELY_WHOLE for label in labels):
            items = store.list(1, scope=each)
            found.update(tuple(item.metadata["namespace"][: len(labels)]) for item in items)
        else:
            found.add(tuple(unquote(label) for label in labels))
    return found


def matches(condition: MatchCondition, namespace: Namespace) -> bool:
    """Whether a namespace begins or ends as the condition says; "*" stands for one label."""
    path = condition.path
    if condition.match_type not in ("prefix", "suffix"):
        raise ValueError(f"Unsupported match type: {condition.match_type}")
    first = 0 if condition.match_type == "prefix" else len(namespace) - len(path)
    labels = namespace[first : first + len(path)] if first >= 0 else ()
    return len(labels) == len(path) and all(p in ("*", label) for p, label in zip(path, labels, strict=True))
