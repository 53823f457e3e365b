"""Reading pickled data of other programs without executing anything that it names."""

from __future__ import annotations

import io
import pickle
from typing import Any

_MOST_VALUES = 200_000


class Inert:
    """Stands for an object of any class: it keeps its state and does nothing."""

    state: Any = None

    def __init__(self, *args: Any) -> None:
        """Ignore what a constructor would take."""

    def __setstate__(self, state: Any) -> None:
        """Keep the state."""
        self.state = state


class _Unpickler(pickle._Unpickler):  # in Python: a huge memo index costs this one no memory
    def find_class(self, module: str, name: str) -> type[Inert]:
        """Import nothing, whatever the data names."""
        return Inert


def load_inert(data: bytes) -> Any:
    """The data with an `Inert` for each object that is no number, text, list, dict and so on.

    Raises ValueError for damaged data, and for data that refers to itself or to its parts very often.
    """
    try:
        value = _Unpickler(io.BytesIO(data)).load()
    except Exception as error:  # damaged data makes the reader fail in any way
        raise ValueError(f"damaged data: {type(error).__name__}: {error}") from error
    left, count = [value], 0
    while left:
        each, count = left.pop(), count + 1
        if count > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES:,} values in one item")
        if isinstance(each, Inert):
            left.append(each.state)
        elif isinstance(each, dict):
            left.extend(each.values())
        elif isinstance(each, (list, tuple, set, frozenset)):
            left.extend(each)
    return value
