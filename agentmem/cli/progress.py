"""How far a long command has come: a bar on stderr while it runs, a message when Ctrl-C stops it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

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
    with _drawn(doing, unit) as draw:

        def report(now_done: int, now_total: int) -> None:
            nonlocal done, total
            done, total = now_done, now_total or expected
            draw(done, total)

        try:
            yield report
        except KeyboardInterrupt:
            of = f" of {total}" if total else ""
            raise Stopped(f"stopped after {done}{of} {unit}; the store is intact") from None


@contextlib.contextmanager
def _drawn(doing: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda done, total: None
        return
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(doing, total=None, rate="")

        def draw(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:,.0f} {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total or None, rate=rate)

        yield draw
