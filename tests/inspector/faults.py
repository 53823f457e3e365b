"""What no page of the inspector may do."""

from __future__ import annotations

from playwright.sync_api import BrowserContext


class Faults(list[str]):
    """Messages on the console, errors, requests elsewhere, failures."""

    def watch(self, context: BrowserContext, address: str) -> None:
        context.on("console", lambda message: self.append(f"console: {message.text}"))
        context.on("weberror", lambda error: self.append(f"error: {error.error}"))
        context.on("dialog", lambda dialog: self.append(f"dialog: {dialog.message}"))
        context.on("request", lambda request: self._outside(request.url, address))
        context.on("response", lambda answer: self._failed(answer.status, answer.url))

    def _outside(self, url: str, address: str) -> None:
        if not url.startswith(f"{address}/"):
            self.append(f"request outside: {url}")

    def _failed(self, status: int, url: str) -> None:
        if status >= 500:
            self.append(f"{status}: {url}")
