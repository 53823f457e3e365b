"""Streamable HTTP on this machine alone, for clients that know the token."""

from __future__ import annotations

import hmac
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .sdk import MCPServer, http_app

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]

# How long requests may take to end after Ctrl-C, in seconds.
_PATIENCE = 2


class Guard:
    """Lets requests pass that name this machine as their host, come from no foreign page, and have the token.

    A page of another site can send requests to this machine, with the help of DNS even under its own name
    (DNS rebinding); the headers Host and Origin give it away.
    """

    def __init__(self, app: _App, port: int, token: str) -> None:
        """Take the application, and what requests must show."""
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost", "[::1]")}
        self._origins = {b"http://" + host for host in self._hosts}
        self._token = token.encode()

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer a request that may not pass; pass on the others."""
        status = self._status(scope) if scope["type"] == "http" else 200
        if status == 200:
            await self._app(scope, receive, send)
            return
        headers = [(b"www-authenticate", b"Bearer")] if status == 401 else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": _REASONS[status]})

    def _status(self, scope: _Message) -> int:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        values = {
            name: [value for found, value in headers if found == name]
            for name in (b"host", b"origin", b"authorization")
        }
        if len(values[b"host"]) != 1 or values[b"host"][0].lower() not in self._hosts:
            return 421
        if any(origin.lower() not in self._origins for origin in values[b"origin"]):
            return 403
        given = values[b"authorization"]
        return 200 if len(given) == 1 and self._knows_the_token(given[0]) else 401

    def _knows_the_token(self, authorization: bytes) -> bool:
        scheme, _, token = authorization.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token, self._token)


_REASONS = {
    401: b"Send the header Authorization: Bearer TOKEN with the token of the server.",
    403: b"Pages of other sites may not use this server.",
    421: b"This server answers to localhost only.",
}


def listen(port: int) -> socket.socket:
    """Listen on this machine; port 0 takes a free one. Raises OSError if the port is in use."""
    return socket.create_server(("127.0.0.1", port))


async def serve_http(server: MCPServer, listener: socket.socket, token: str) -> None:
    """Serve until Ctrl-C."""
    import uvicorn

    guarded = Guard(http_app(server), listener.getsockname()[1], token)
    config = uvicorn.Config(
        guarded,
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
    await uvicorn.Server(config).serve(sockets=[listener])
