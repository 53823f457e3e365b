"""Pages as HTML and as JSON."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from agentmem.inspect import formats, words
from agentmem.inspect.failures import PageError
from agentmem.inspect.keys import KEYS
from agentmem.inspect.page import Download, Next, Page, Stream
from agentmem.inspect.plain import plain
from agentmem.inspect.screen import Answer
from agentmem.inspect.visit import Visit

if TYPE_CHECKING:
    from agentmem.inspect.inspector import Inspector

NAVIGATION = [
    ("/search", "Search"),
    ("/browse", "Browse"),
    ("/live", "Live"),
    ("/compare", "Compare"),
    ("/quality", "Quality"),
    ("/health", "Health"),
]


class Renderer:
    """Renders pages of one inspector. Its templates escape everything that is not marked as HTML."""

    def __init__(self, inspector: Inspector) -> None:
        """Load the templates."""
        self._inspector = inspector
        self._csrf = secrets.token_urlsafe(32)
        self._templates = Environment(
            loader=PackageLoader("agentmem.inspect"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= {
            "ago": formats.ago,
            "exact": formats.exact,
            "number": formats.number,
            "size": formats.size,
            "visible": words.visible,
            "marked": words.marked,
            "excerpt": words.excerpt,
            "repr": repr,
            "zip": zip,
        }
        self._templates.globals |= {"counted": formats.counted, "csrf": self._csrf, "keys": KEYS}
        for name in self._templates.list_templates():
            self._templates.get_template(name)  # compiled now, so that the first page is quick

    def is_own_form(self, csrf: str) -> bool:
        """Whether a form is one of this inspector's pages."""
        return hmac.compare_digest(csrf.encode(), self._csrf.encode())

    def answer(self, answer: Answer, visit: Visit, *, as_json: bool) -> Response:
        """Render what a screen returned."""
        if isinstance(answer, Next):
            return RedirectResponse(answer.address, 303)
        if isinstance(answer, Download):
            named = {"content-disposition": f'attachment; filename="{answer.name}"'}
            return Response(answer.content, media_type=answer.kind, headers=named)
        if isinstance(answer, Stream):
            return StreamingResponse(self._events(answer, visit), media_type="text/event-stream")
        if as_json:
            return _json(plain(answer.data), answer.status)
        return HTMLResponse(self._html(answer, visit), answer.status)

    def failure(self, failure: PageError, root: str, *, as_json: bool = False) -> Response:
        """Render what went wrong."""
        if as_json:
            return _json({"error": failure.title, "text": failure.text}, failure.status)
        html = self._templates.get_template("failure.html").render(failure=failure, root=root)
        return HTMLResponse(html, failure.status)

    def _events(self, stream: Stream, visit: Visit) -> Iterator[str]:
        """Each event as the standard has it: its id, and its HTML in one line."""
        template = self._templates.get_template(f"{stream.template}.html")
        yield ": hello\n\n"
        for event in stream.events:
            if event is None:
                yield ": still here\n\n"
            else:
                id, data = event
                html = " ".join(template.render(data, link=visit.link).split())
                yield f"id: {id}\ndata: {html}\n\n"

    def _html(self, page: Page, visit: Visit) -> str:
        template = self._templates.get_template(f"{page.template}.html")
        frame = self._frame(visit)
        html: str = template.render(page.data, title=page.title, visit=visit, link=visit.link, frame=frame)
        return html

    def _frame(self, visit: Visit) -> dict[str, Any]:
        """What every page shows around its own content."""
        return {
            "name": self._inspector.place.name,
            "path": self._inspector.place.path,
            "counts": self._inspector.counts.get(),
            "viewer": visit.viewer,
            "read_only": self._inspector.read_only,
            "navigation": NAVIGATION,
            "done": self._inspector.undo.get(visit.query.get("done")),
            "twin": visit.link(f"{visit.path}.json", visit.query.pairs),
        }


def _json(value: Any, status: int) -> Response:
    text = json.dumps(value, ensure_ascii=True, indent=2)
    return Response(text, status, media_type="application/json")
