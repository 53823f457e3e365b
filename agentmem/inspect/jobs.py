"""Long work in the background, one piece at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from agentmem.inspect.failures import PageError, failure_of
from agentmem.types import Progress


class Job:
    """A piece of work that tells how far it is."""

    def __init__(self, name: str, work: Callable[[Progress], dict[str, Any]]) -> None:
        """Start it in a thread of its own."""
        self.name = name
        self.done = 0
        self.total = 0
        self.result: dict[str, Any] | None = None
        """What it returned; None while it runs, and if it failed."""
        self.failure: dict[str, object] | None = None
        self.seconds = 0.0
        self._work = work
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive() and self.result is None and self.failure is None

    def wait(self, seconds: float) -> None:
        """Wait until it ends, but not longer than this."""
        self._thread.join(seconds)

    def fields(self) -> dict[str, Any]:
        """What a page shows of it."""
        names = ("name", "running", "done", "total", "result", "failure", "seconds")
        return {name: getattr(self, name) for name in names}

    def _run(self) -> None:
        try:
            result = self._work(self._report)
        except Exception as error:
            self.failure = failure_of(error).fields()
        else:
            self.result = result
        self.seconds = time.monotonic() - self._begun

    def _report(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        self.seconds = time.monotonic() - self._begun


class Jobs:
    """The last job of an inspector."""

    def __init__(self) -> None:
        """Nothing was started."""
        self.last: Job | None = None
        self._lock = threading.Lock()

    def start(self, name: str, work: Callable[[Progress], dict[str, Any]]) -> Job:
        """Start a job. Raises PageError while another one runs."""
        with self._lock:
            if self.last is not None and self.last.running:
                raise PageError(409, "Something else is running", f"Wait until it is done: {self.last.name}.")
            self.last = Job(name, work)
            return self.last
