"""What the tests of this folder share: how long they run, and the figures that they print at the end.

`AGENTMEM_SOAK=60 pytest reliability` gives them 60 minutes together instead of a few.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

FIGURES: Counter[str] = Counter()
MINUTES = float(os.environ.get("AGENTMEM_SOAK", "0"))


@pytest.fixture
def figures() -> Counter[str]:
    """Counts that are printed after the run: kills, acknowledged writes, files opened."""
    return FIGURES


@pytest.fixture(autouse=True)
def chance(request: pytest.FixtureRequest) -> None:
    """The same commit damages the same bytes; a soak looks for new cases."""
    if not MINUTES:
        random.seed(request.node.nodeid)


@pytest.fixture
def rounds() -> Callable[..., Iterator[int]]:
    """`rounds(20, share=0.3)` counts to 20; in a soak it goes on for that share of the time."""

    def count(usual: int, share: float) -> Iterator[int]:
        end = time.monotonic() + MINUTES * 60 * share
        number = 0
        while number < usual or time.monotonic() < end:
            yield number
            number += 1

    return count


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Against hangs only; a soak may take its time."""
    for item in items:
        item.add_marker(pytest.mark.timeout(600 + MINUTES * 60))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was done."""
    if FIGURES:
        terminalreporter.section("what was done")
        for name, count in sorted(FIGURES.items()):
            terminalreporter.write_line(f"{count:>10,}  {name}")
