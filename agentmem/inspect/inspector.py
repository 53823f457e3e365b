"""The inspector as an ASGI application: its screens, and what it remembers while it runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from agentmem import MemoryStore
from agentmem.inspect.counts import Counts
from agentmem.inspect.failures import PageError, failure_of
from agentmem.inspect.guard import Guard
from agentmem.inspect.headers import SecurityHeaders
from agentmem.inspect.jobs import Jobs
from agentmem.inspect.labels import Labels
from agentmem.inspect.place import place_of
from agentmem.inspect.query_words import QueryWords
from agentmem.inspect.recent_searches import RecentSearches
from agentmem.inspect.render import Renderer
from agentmem.inspect.screen import Screen
from agentmem.inspect.screens import SCREENS
from agentmem.inspect.slow_value import SlowValue
from agentmem.inspect.undo import Undo
from agentmem.inspect.visit import Fields, Visit
from agentmem.types import Viewer

_LARGEST_FORM = 16 * 1024 * 1024


class Inspector:
    """What `agentmem.inspect.app` returns."""

    def __init__(
        self, store: MemoryStore, viewer: Viewer, *, read_only: bool, hosts: Collection[str] | None
    ) -> None:
        """Take the store and what may be done with it. `hosts` are those of the guard; None for no guard."""
        self.store = store
        self.viewer = viewer
        self.read_only = read_only
        self.categories: SlowValue[dict[str, int]] = SlowValue(store, lambda: store.categories(**viewer), {})
        self.counts: SlowValue[Counts | None] = SlowValue(store, lambda: Counts.of(store, viewer), None)
        self.jobs = Jobs()
        self.place = place_of(store.path)
        self.labels = Labels(self.place.labels)
        self.searches = RecentSearches()
        self.query_words = QueryWords()
        self.undo = Undo()
        self.stopping = threading.Event()
        """Set it to end what has no end of its own, such as the events of Live."""
        self._file = _identity(store.path)
        self._renderer = Renderer(self)
        routes = [route for screen in SCREENS for route in self._routes(screen)]
        static = Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
        handlers = {404: self._not_found, 405: self._not_found}
        site = Starlette(routes=[*routes, static], exception_handlers=handlers)
        self.guard = Guard(site, hosts, self._renderer.failure)
        self._app = SecurityHeaders(self.guard)

    @property
    def address(self) -> str:
        """The path, with the token, that admits the next browser."""
        return f"/open?token={self.guard.token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    def _routes(self, screen: Screen) -> list[Route]:
        endpoint = self._endpoint(screen)
        paths = [screen.path] if screen.is_form else [screen.path, f"{screen.path}.json"]
        if screen.path == "/search":
            paths.append("/")
        return [Route(path, endpoint, methods=["POST" if screen.is_form else "GET"]) for path in paths]

    def _endpoint(self, screen: Screen) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            form = await _form(request) if screen.is_form else Fields([])
            return await run_in_threadpool(self._answer, screen, request, form)

        return endpoint

    def _answer(self, screen: Screen, request: Request, form: Fields | None) -> Response:
        as_json = request.url.path.endswith(".json")
        root = request.scope.get("root_path", "")
        try:
            if form is None:
                raise PageError(413, "This form is too large", "A form may have 16 MiB.")
            query = Fields(request.query_params.multi_items())
            visit = Visit(self, screen.path, root, query, form, request.headers.get("last-event-id", ""))
            self._check(screen, visit)
            return self._renderer.answer(screen.show(visit), visit, as_json=as_json)
        except Exception as error:
            return self._renderer.failure(failure_of(error), root, as_json=as_json)

    def _check(self, screen: Screen, visit: Visit) -> None:
        if self._file is not None and _identity(self.store.path) != self._file:
            raise PageError(
                410,
                "This store is gone",
                f"The file {self.store.path} was deleted or replaced while the inspector showed it. "
                "Start the inspector again.",
            )
        if screen.writes and self.read_only:
            raise PageError(405, "The inspector is read-only", "It was started with --read-only.")
        if screen.is_form and not self._renderer.is_own_form(visit.form.get("csrf")):
            raise PageError(403, "This form is of another page", "Load the page again, and send it anew.")

    def _not_found(self, request: Request, error: Exception) -> Response:
        failure = PageError(404, "No such page", "The addresses of all screens stand above.")
        return self._renderer.failure(failure, request.scope.get("root_path", ""))


async def _form(request: Request) -> Fields | None:
    """The fields of a form, or None if it is too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            return None
    return Fields(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file from another one at the same path; None if there is none, as for a database."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
