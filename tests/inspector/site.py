"""An inspector that a browser can reach: uvicorn in a thread."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

import agentmem
from agentmem.inspect import LOOPBACK, app
from agentmem.inspect.inspector import Inspector
from agentmem.inspect.serve import listening


class Site:
    """A running inspector."""

    def __init__(self, inspector: Inspector, port: int) -> None:
        self.inspector = inspector
        self.store = inspector.store
        self.address = f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def serving(path: Path, **options: Any) -> Iterator[Site]:
    """Serve the store at `path` until the block ends."""
    with agentmem.open(path, durability="normal") as store, listening(0) as listener:
        port = listener.getsockname()[1]
        inspector = app(store, hosts=[f"{name}:{port}" for name in LOOPBACK], **options)
        config = uvicorn.Config(
            inspector, log_level="error", timeout_graceful_shutdown=1, lifespan="off", access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Site(inspector, port)
        finally:
            inspector.stopping.set()
            server.should_exit = True
            thread.join()
