"""How far a long command has come: a bar on stderr while it runs, a message when Ctrl-C stops it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from agentmem._progress import drawn_bar
from agentmem.cli.group import Stopped
from agentmem.types import Progress


@contextlib.contextmanager
def progress_bar(doing: str, unit: str, expected: int = 0) -> Iterator[Progress]:
    """Yield a progress function that draws a bar if stderr is a terminal.

    Args:
        doing: what the command does, shown before the bar.
        unit: what is counted, in the plural.
        expected: the total, for operations that do not know it themselves; 0 if nobody knows it.

    Raises Stopped after Ctrl-C, with how far the operation had come.
    """
    done, total = 0, expected
    with drawn_bar(doing, unit) as draw:

        def report(now_done: int, now_total: int) -> None:
            nonlocal done, total
            done, total = now_done, now_total or expected
            draw(done, total)

        try:
            yield report
        except KeyboardInterrupt:
            of = f" of {total:,}" if total else ""
            raise Stopped(f"stopped after {done:,}{of} {unit}; the store is intact") from None
