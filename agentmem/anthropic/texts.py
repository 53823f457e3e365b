"""What the model reads of files: the texts of the SDK's own tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from anthropic.lib.tools import ToolError

from agentmem import Hit, Record

_MOST_LINES = 999_999


def numbered_file(path: str, content: str, view_range: Any) -> str:
    """The lines of a file, or of a range; -1 as its end is the last line."""
    lines = content.split("\n")
    if len(lines) > _MOST_LINES:
        raise ToolError(f"File {path} exceeds maximum line limit of {_MOST_LINES:,} lines.")
    first, last = view_range if _is_range(view_range) else (1, -1)
    first = max(1, first)
    shown = lines[first - 1 : len(lines) if last == -1 else last]
    return f"Here's the content of {path} with line numbers:\n{numbered(shown, first)}"


def passage(hit: Hit) -> str:
    """What made a file a hit: the whole file if it is short."""
    start, end = hit.passage or (0, None)
    return hit.record.content[start:end]


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(line, int) for line in value)


def numbered(lines: list[str], first: int) -> str:
    """Lines with their numbers, in six columns."""
    return "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines, first))


def listing(path: str, files: Mapping[str, Record]) -> str:
    """Sizes and paths of what is up to two levels below a directory. Hidden names begin with a dot."""
    sizes: Counter[str] = Counter()
    for name, record in files.items():
        parts = name.split("/")
        for depth in range(min(len(parts), 2) + 1):
            if not any(part.startswith(".") for part in parts[:depth]):
                slash = "/" if 0 < depth < len(parts) else ""
                sizes["/".join(parts[:depth]) + slash] += len(record.content.encode())
    total = sizes.pop("", 0)
    names = sorted(sizes, key=lambda name: name.removesuffix("/").split("/"))
    lines = [
        f"Here're the files and directories up to 2 levels deep in {path}, excluding hidden items:",
        f"{_size(total)}\t{path}",
        *(f"{_size(sizes[name])}\t{path.rstrip('/')}/{name}" for name in names),
    ]
    return "\n".join(lines)


def _size(count: int) -> str:
    """A number of bytes as 0B, 512B, 1.5K, 2M or 3G."""
    power = min(max(0, count.bit_length() - 1) // 10, 3)
    value = count / 1024**power
    return f"{value:.{0 if value.is_integer() else 1}f}{'BKMG'[power]}"
