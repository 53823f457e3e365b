"""Reading JSON of any size: memory holds one item of an array, or one line, at a time."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import IO, Any

LARGEST = 64 << 20
"""Characters, or bytes, that one item may have."""

_CHUNK = 1 << 20
_BETWEEN = re.compile(r"[\s,]*")


def array_items(file: IO[bytes], key: str = "") -> Iterator[Any]:
    """The items of a JSON array, or of the array that an object has first, under `key`.

    Raises ValueError where the text is no JSON, and for an item of more than `LARGEST` characters.
    """
    text = io.TextIOWrapper(file, "utf-8-sig", "replace", newline="")
    decoder = json.JSONDecoder()
    buffer = text.read(_CHUNK)
    start = re.match(rf'\s*(?:\{{\s*"{re.escape(key)}"\s*:\s*)?\[', buffer)
    if start is None:
        raise ValueError("no JSON array")
    at = start.end()
    while True:
        at = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if buffer.startswith("]", at):
            return
        try:
            item, at = decoder.raw_decode(buffer, at)
        except (ValueError, RecursionError) as error:
            # Either the item does not end in the buffer, or it is damaged.
            rest = len(buffer) - at
            more = text.read(max(_CHUNK, rest)) if rest <= LARGEST else ""
            if not more:
                raise ValueError(f"no JSON, or more than {LARGEST:,} characters: {error}") from None
            buffer, at = buffer[at:] + more, 0
        else:
            yield item


def document(file: IO[bytes]) -> Any:
    """The value of a file that has one JSON value. Raises ValueError if it is none or too large."""
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"more than {LARGEST:,} bytes")
    return json.loads(data.decode("utf-8-sig", "replace"))


def json_lines(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """The number of each line that is not blank, with its JSON value or the ValueError that it causes."""
    number = 0
    while line := file.readline(LARGEST):
        number += 1
        if len(line) == LARGEST:
            while line and not line.endswith(b"\n"):
                line = file.readline(LARGEST)
            yield number, ValueError(f"a line of more than {LARGEST:,} bytes")
        elif line.strip():
            try:
                yield number, json.loads(line.decode("utf-8", "replace"))
            except (ValueError, RecursionError) as error:
                yield number, ValueError(str(error))
