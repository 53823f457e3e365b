"""Who may talk to the inspector: one browser, which was given a token, and no other page in it.

A page of the web can make the browser send requests to this machine. It cannot read the cookie, which is
`SameSite=Strict` and has a random value. It cannot choose the headers Host, Origin and Sec-Fetch-Site either:
these tell a request of the inspector's own pages from others, also if the other page's name was bound to this
machine (DNS rebinding).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from agentmem.inspect.failures import PageError

_SAFE = ("GET", "HEAD")


class Guard:
    """An ASGI application around another one. With `hosts=None`, only requests of other sites are refused."""

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] | None, refuse: Callable[[PageError, str], Response]
    ) -> None:
        """Make the first token."""
        self._app = app
        self._hosts = hosts
        self._refuse = refuse
        self._session = secrets.token_urlsafe(32)
        self.token = secrets.token_urlsafe(32)
        """Admits one browser, once. Then there is a new one."""
        self.on_open: Callable[[], object] = lambda: None
        """Called after a token was used."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._answer(Request(scope, receive))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _answer(self, request: Request) -> ASGIApp:
        try:
            self._check_origin(request)
            if self._hosts is None:
                return self._app
            self._check_host(request.headers)
            path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
            if path == "/open" and request.method == "GET":
                return self._open(request)
            if not path.startswith("/static/") and not self._has_session(request):
                raise PageError(
                    403, "This browser has no key", "Open the address that `agentmem inspect` printed."
                )
        except PageError as failure:
            return self._refuse(failure, request.scope.get("root_path", ""))
        return self._app

    def _check_host(self, headers: Headers) -> None:
        host = headers.get("host", "").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self._hosts is not None and host not in self._hosts and name not in self._hosts:
            raise PageError(
                421, "Wrong host", f"This inspector answers to {', '.join(self._hosts)}, not to {host!r}."
            )

    def _check_origin(self, request: Request) -> None:
        """Refuse what another page sent. Browsers send Sec-Fetch-Site always, and Origin when they write."""
        headers = request.headers
        own = f"{request.scope.get('scheme', 'http')}://{headers.get('host', '')}"
        foreign = headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
        if foreign or (request.method not in _SAFE and headers.get("origin") != own):
            raise PageError(
                403, "This request comes from another page", "Copy the address into the address bar instead."
            )

    def _open(self, request: Request) -> Response:
        """Give the browser its cookie in exchange for the token, and take the token out of the address."""
        root = request.scope.get("root_path", "")
        answer = RedirectResponse(f"{root}/", 303)
        if self._has_session(request):
            return answer
        if not _equal(request.query_params.get("token", ""), self.token):
            raise PageError(
                403,
                "This address was used",
                "An address admits one browser. Open the newest address that `agentmem inspect` printed.",
            )
        self.token = secrets.token_urlsafe(32)
        answer.set_cookie(
            _cookie(request),
            self._session,
            path=f"{root}/",
            httponly=True,
            samesite="strict",
            secure=request.scope.get("scheme") == "https",
        )
        self.on_open()
        return answer

    def _has_session(self, request: Request) -> bool:
        try:
            cookies = SimpleCookie(request.headers.get("cookie", ""))
        except CookieError:
            return False
        found = cookies.get(_cookie(request))
        return found is not None and _equal(found.value, self._session)


def _cookie(request: Request) -> str:
    """The cookie's name. It has the port, because the ports of a host share cookies."""
    server = request.scope.get("server") or ("", 0)
    return f"agentmem-{server[1]}"


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
