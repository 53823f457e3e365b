"""Serves the inspector on this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType
from typing import Any

from agentmem._adapters import require
from agentmem.inspect import LOOPBACK, app
from agentmem.store import MemoryStore

uvicorn = require("uvicorn", extra="inspect", package="uvicorn", at_least="0.30", below="1")


def serve(
    store: MemoryStore,
    *,
    say: Callable[[str], object],
    port: int = 0,
    browser: bool = True,
    source: str | None = None,
    include_private: bool = False,
    read_only: bool = False,
) -> None:
    """Serve until Ctrl-C. `say` is given the address, and a new one whenever it was used."""
    with listening(port) as listener:
        port = listener.getsockname()[1]
        hosts = [f"{name}:{port}" for name in LOOPBACK]
        inspector = app(
            store, source=source, include_private=include_private, read_only=read_only, hosts=hosts
        )
        address = f"http://127.0.0.1:{port}"
        inspector.guard.on_open = lambda: say(f"Opened. For another browser: {address}{inspector.address}")

        def ready() -> None:
            first = f"{address}{inspector.address}"
            say(f"{first} (Ctrl-C ends)")
            if browser:  # in a thread, because a browser in the terminal returns only when it is closed
                threading.Thread(target=webbrowser.open, args=(first,), daemon=True).start()

        config = uvicorn.Config(
            inspector,
            log_level=logging.WARNING,
            access_log=False,  # it would have the token
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
        asyncio.run(_Server(config, ready, inspector.stopping).serve(sockets=[listener]))


class _Server(uvicorn.Server):  # type: ignore[name-defined]
    """A server that tells when it is ready, and that ends endless answers when it is told to stop."""

    def __init__(self, config: Any, ready: Callable[[], None], stopping: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)


def listening(port: int) -> socket.socket:
    """A socket that listens on this machine alone; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere, another process could then take the port over
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on port {port}: {error.strerror}") from error
    return listener
