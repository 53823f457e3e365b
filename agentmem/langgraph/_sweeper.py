"""A thread that deletes expired items from time to time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from agentmem import AgentMemError

_logger = logging.getLogger(__name__)


class Sweeper:
    """Calls `sweep` every few seconds, until it is stopped or its future is cancelled."""

    def __init__(self, sweep: Callable[[], int], seconds: float) -> None:
        """Start the thread."""
        self.future: Future[None] = Future()
        self._sweep = sweep
        self._seconds = seconds
        self._stop = threading.Event()
        self.future.add_done_callback(lambda _: self._stop.set())
        self._thread = threading.Thread(target=self._run, name="agentmem-sweeper", daemon=True)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Stop, and return whether the thread ended within `timeout` seconds."""
        self._stop.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._sweep()
            except AgentMemError:
                _logger.exception("expired items could not be deleted; the sweeper tries again")
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(None)
