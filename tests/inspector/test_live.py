"""Live: what any process writes and deletes appears at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import httpx2
from inspector.site import Site
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from agentmem import MemoryStore
from agentmem.inspect import app
from agentmem.inspect.follower import Follower

Visit = Callable[..., Page]


def told(follower: Follower) -> list[tuple[str, str | None]]:
    return [(line.kind, line.record and line.record.content) for line in follower.poll()]


def test_each_change_is_told_once(quick: MemoryStore) -> None:
    quick.add("old", id="old")
    follower = Follower(quick, {})
    assert told(follower) == []
    quick.add("one", id="a")
    assert told(follower) == [("added", "one")]
    quick.update("a", content="uno")
    quick.update("old", content="vecchio")
    assert told(follower) == [("updated", "uno"), ("updated", "vecchio")]
    quick.delete("a")
    assert told(follower) == [("deleted", "uno")]


def test_what_was_never_seen_is_only_gone(quick: MemoryStore) -> None:
    quick.add("old", id="old")
    quick.add_many(f"new {n}" for n in range(100))
    follower = Follower(quick, {})
    quick.delete("old")
    assert told(follower) == [("gone", None)]


def test_a_scope_hears_of_its_records_alone(quick: MemoryStore) -> None:
    follower = Follower(quick, {}, "/a")
    quick.add("in", scope="/a/b", id="in")
    quick.add("out", scope="/ab", id="out")
    assert told(follower) == [("added", "in")]
    quick.delete(["in", "out"])
    assert told(follower) == [("deleted", "in")]


def test_private_records_are_not_told(quick: MemoryStore) -> None:
    follower = Follower(quick, {})
    quick.add("secret", private=True, source="me", id="secret")
    assert told(follower) == []
    assert told(Follower(quick, {"source": "me"}, cursor="0.0.0")) == [("added", "secret")]


def test_a_bad_cursor_is_refused(quick: MemoryStore) -> None:
    client = TestClient(app(quick, guard=False))
    assert client.get("/live/stream?after=nonsense").status_code == 400


def test_another_process_writes_and_the_page_shows_it(site: Site, visit: Visit) -> None:
    page = visit(site, "/live")
    expect(page.locator("[data-state]")).to_have_text("connected")
    write = f"import agentmem; agentmem.open({site.store.path!r}).add('<b>Hello</b> from elsewhere', id='x')"
    subprocess.run([sys.executable, "-c", write], check=True)
    first = page.locator(".line").first
    expect(first).to_contain_text("<b>Hello</b> from elsewhere", timeout=1000)
    expect(first.locator(".kind")).to_have_text("added")
    site.store.delete("x")
    expect(page.locator(".line").first.locator(".kind")).to_have_text("deleted")
    expect(page.locator(".line").first).to_contain_text("from elsewhere")


def test_pause_and_go_on(site: Site, visit: Visit) -> None:
    page = visit(site, "/live")
    expect(page.locator("[data-state]")).to_have_text("connected")
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(page.locator("[data-pause]")).to_have_attribute("aria-pressed", "true")
    site.store.add("while paused")
    page.wait_for_timeout(700)
    expect(page.get_by_text("while paused")).to_have_count(0)
    page.keyboard.press("Space")
    expect(page.locator(".line").first).to_contain_text("while paused")


def test_no_line_is_lost_when_the_connection_is(site: Site) -> None:
    """The browser sends the id of the last event that it has when it connects again."""
    with httpx2.Client(base_url=site.address, follow_redirects=True) as browser:
        browser.get(site.inspector.address)
        cursor = browser.get("/live.json").json()["cursor"]
        site.store.add("first")
        id, data = first_event(browser, after=cursor)
        assert "first" in data
        site.store.add("written meanwhile")
        _, data = first_event(browser, after=cursor, last=id)
        assert "written meanwhile" in data
        assert "first" not in data


def first_event(browser: httpx2.Client, *, after: str, last: str = "") -> tuple[str, str]:
    headers = {"last-event-id": last} if last else {}
    with browser.stream("GET", f"/live/stream?after={after}", headers=headers) as answer:
        lines = answer.iter_lines()
        id = next(line for line in lines if line.startswith("id: "))
        return id.removeprefix("id: "), next(lines)


def test_a_lost_connection_is_seen(site: Site, visit: Visit, faults: list[str]) -> None:
    page = visit(site)
    page.route("**/live/stream*", lambda route: route.abort())
    page.goto(f"{site.address}/live")
    expect(page.locator("[data-state]")).to_have_text("not connected")
    faults.clear()  # the console tells of it


def test_without_javascript_it_loads_again(site: Site, visit: Visit) -> None:
    page = visit(site, "/live", java_script_enabled=False)
    site.store.add("written later")
    expect(page.locator(".line").first).to_contain_text("written later", timeout=9000)
