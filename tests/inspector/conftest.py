from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from inspector.faults import Faults
from inspector.sample import fill, label
from inspector.site import Site, serving
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("AGENTMEM_TEST_BROWSER") or shutil.which("chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium: install it, or set AGENTMEM_TEST_BROWSER to its path")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # root cannot have it
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An inspector of the sample store, with labels, for tests that write nothing."""
    path = tmp_path_factory.mktemp("gallery") / "memory.db"
    fill(path)
    label(path)
    with serving(path) as site:
        yield site


@pytest.fixture
def site(path: Path) -> Iterator[Site]:
    """An inspector of the sample store, with labels."""
    fill(path)
    label(path)
    with serving(path) as site:
        yield site


Visit = Callable[..., Page]


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Faults of all pages of the test. A test that provokes some clears them."""
    faults = Faults()
    yield faults
    assert not faults


@pytest.fixture
def visit(browser: Browser, faults: Faults) -> Iterator[Visit]:
    """Open a site in a new context of the browser, as somebody who has just started the inspector."""
    with ExitStack() as stack:

        def visit(site: Site, path: str = "/", **options: Any) -> Page:
            context = browser.new_context(**options)
            context.set_default_timeout(10_000)
            stack.callback(context.close)
            faults.watch(context, site.address)
            page = context.new_page()
            page.goto(site.address + site.inspector.address)
            if path != "/":
                page.goto(site.address + path)
            return page

        yield visit
