"""Search with a keyboard, while typing, and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from inspector.site import Site
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]


def test_hits_appear_while_typing(gallery: Site, visit: Visit) -> None:
    page = visit(gallery)
    page.keyboard.type("staging database")
    expect(page.locator(".hit").first).to_contain_text("Postgres 15")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#announce")).to_contain_text("hit")
    assert "q=staging" in page.url, "the address has the query"
    page.reload()
    expect(page.locator(".hit").first).to_contain_text("Postgres 15")


def test_the_keyboard_is_enough(gallery: Site, visit: Visit) -> None:
    page = visit(gallery, "/search?q=what+does+alice+prefer")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("#hit-1")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("e")
    expect(page.locator("#hit-1 .reason")).to_contain_text("rank 1")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.locator("#q")).to_be_visible()


def test_keys_of_one_letter_can_be_switched_off(gallery: Site, visit: Visit) -> None:
    page = visit(gallery, "/keys")
    page.get_by_label("Use keys of one letter").uncheck()
    page.keyboard.press("/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.goto(f"{gallery.address}/keys")
    expect(page.get_by_label("Use keys of one letter")).not_to_be_checked()


def test_it_works_without_javascript(gallery: Site, visit: Visit) -> None:
    page = visit(gallery, java_script_enabled=False)
    page.get_by_role("textbox", name="Search").fill("staging database")
    page.keyboard.press("Enter")
    expect(page.locator(".hit").first).to_contain_text("Postgres 15")
    page.locator(".hit").first.get_by_role("link", name="Why").click()
    expect(page.locator(".why")).to_contain_text("It holds 2 words of the query")
    page.get_by_label("Why not another record?").fill("fact-0")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".why")).to_contain_text("No hit.")


def test_why_opens_in_place(gallery: Site, visit: Visit) -> None:
    page = visit(gallery, "/search?q=alice")
    page.locator(".hit").nth(1).get_by_role("link", name="Why").click()
    expect(page.locator(".hit").nth(1).locator(".reason")).to_contain_text("rank 2")
    page.go_back()
    expect(page.locator(".reason")).to_have_count(0)


@pytest.mark.parametrize(
    "query", ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "a" * 3000, "😀"]
)
def test_a_query_is_only_text(gallery: Site, visit: Visit, query: str) -> None:
    page = visit(gallery)
    page.locator("#q").fill(query)
    page.keyboard.press("Enter")
    expect(page.locator(".summary")).to_contain_text("hit")
    assert page.locator("#q").input_value() == query
