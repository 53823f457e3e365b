"""Every screen in a browser: accessible in both schemes, at any width, with and without JavaScript.

The pictures are written to $AGENTMEM_PICTURES, if that is set. Nothing compares their pixels.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from inspector.faults import Faults
from inspector.pages import PAGES
from inspector.site import Site
from playwright.sync_api import Page

PICTURES = os.environ.get("AGENTMEM_PICTURES")

Visit = Callable[..., Page]


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']}: {node['html']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_screen_is_accessible(gallery: Site, visit: Visit, faults: Faults, name: str, scheme: str) -> None:
    page = visit(gallery, PAGES[name], color_scheme=scheme, viewport={"width": 1200, "height": 800})
    if name == "bad-filter":
        faults.clear()  # the console tells of its status
    assert violations(page) == []
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("name", PAGES)
def test_a_screen_fits_a_small_phone_without_javascript(
    gallery: Site, visit: Visit, faults: Faults, name: str
) -> None:
    page = visit(gallery, PAGES[name], viewport={"width": 320, "height": 640}, java_script_enabled=False)
    if name == "bad-filter":
        faults.clear()
    box = page.locator("html").bounding_box()
    assert box is not None
    for part in page.locator("main > *, main > * > *, header > *, footer > *").all():
        inside = part.bounding_box()
        assert inside is None or inside["x"] + inside["width"] <= 320, part.evaluate("e => e.outerHTML")[:200]
    assert page.locator("main h1").count() == 1
