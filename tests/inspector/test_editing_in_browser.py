"""Edit, delete, label and change many records, as people do it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inspector.site import Site
from inspector.test_pages import violations
from playwright.sync_api import Page, expect

import agentmem

Visit = Callable[..., Page]


@pytest.mark.parametrize("script", [True, False])
def test_a_record_is_edited_and_the_edit_is_undone(site: Site, visit: Visit, script: bool) -> None:
    page = visit(site, "/record?id=fact-5", java_script_enabled=script)
    page.get_by_role("textbox", name="Text").fill("The staging database is Postgres 16 on db-8.")
    page.get_by_role("button", name="Review the change").click()
    expect(page.locator("del").first).to_have_text("15")
    expect(page.locator("ins").first).to_have_text("16")
    assert not script or violations(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".content")).to_have_text("The staging database is Postgres 16 on db-8.")
    assert not script or violations(page) == []
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".content")).to_have_text("The staging database is Postgres 15 on db-7.")


def test_metadata_is_checked_when_its_field_is_left(site: Site, visit: Visit) -> None:
    page = visit(site, "/record?id=fact-5")
    metadata = page.get_by_label("Metadata as JSON")
    metadata.fill('{"service": staging}')
    page.keyboard.press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("metadata is not JSON")
    assert violations(page) == []
    assert metadata.input_value() == '{"service": staging}'
    metadata.fill('{"service": "staging"}')
    page.keyboard.press("Tab")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_of_two_editors_the_second_decides_with_open_eyes(
    site: Site, visit: Visit, faults: list[str]
) -> None:
    """Two windows of one browser have the same record open."""
    first = visit(site, "/record?id=fact-5")
    second = first.context.new_page()
    second.goto(first.url)
    for page, text in ((first, "First."), (second, "Second.")):
        page.get_by_role("textbox", name="Text").fill(text)
        page.get_by_role("button", name="Review the change").click()
        page.get_by_role("button", name="Save").click()
    expect(second.get_by_role("heading", name="Somebody else was faster")).to_be_visible()
    assert site.store.get("fact-5").content == "First."
    assert violations(second) == []
    second.get_by_role("button", name="Save mine all the same").click()
    expect(second.locator(".content")).to_have_text("Second.")
    faults.clear()  # the console tells of the status 409


def test_hits_are_labelled_and_deleted_with_the_keyboard(site: Site, visit: Visit) -> None:
    page = visit(site, "/search?q=indexer+flat+memory")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator("#yes-1")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#hit-2")).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Deleted.")).to_be_visible()
    assert site.store.get("fact-9") is None
    page.wait_for_load_state()
    page.keyboard.press("u")
    expect(page.get_by_text("Deleted.")).to_have_count(0)
    expect(page.locator("#hit-2")).to_contain_text("40,000 documents")


@pytest.mark.parametrize("script", [True, False])
def test_many_records_are_moved_at_once(site: Site, visit: Visit, script: bool) -> None:
    page = visit(site, "/browse?scope=/arpanet", java_script_enabled=script)
    page.get_by_label("select all 137").check()
    page.get_by_label("New scope").fill("/history")
    page.get_by_role("button", name="Move").click()
    page.get_by_label("Type 137 to go on").fill("137")
    assert not script or violations(page) == []
    page.get_by_role("button", name="Move 137 records").click()
    expect(page.get_by_text("137 records changed.")).to_be_visible()
    expect(page.get_by_text("Nothing is left in /arpanet")).to_be_visible()
    assert site.store.count(scope="/history") == 137
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".summary")).to_contain_text("137 records")
    assert site.store.count(scope="/arpanet") == 137


def test_rows_are_selected_with_the_keyboard(site: Site, visit: Visit) -> None:
    page = visit(site, "/browse?scope=/user")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("[name=id]:checked").count() == 2
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.locator(".record")).to_be_visible()


def test_pages_and_the_timeline_lead_on(site: Site, visit: Visit) -> None:
    page = visit(site, "/browse?scope=/arpanet")
    first = page.locator(".what a").first.inner_text()
    page.get_by_role("link", name="Next page").click()
    expect(page.locator(".what a").first).not_to_have_text(first)
    page.locator(".timeline a").first.click()
    assert "since=" in page.url
    expect(page.get_by_label("Created since")).to_have_value("1972-09-18T00:00:00+00:00")


@pytest.mark.parametrize("script", [True, False])
def test_a_check_is_started_and_its_result_shown(site: Site, visit: Visit, script: bool) -> None:
    page = visit(site, "/health", java_script_enabled=script)
    page.get_by_role("button", name="Check the store").click()
    expect(page.get_by_text("All is well.")).to_be_visible()
    assert not script or violations(page) == []


def test_two_searches_are_compared(site: Site, visit: Visit) -> None:
    page = visit(site, "/compare")
    left = page.get_by_role("group", name="Left", exact=True)
    left.get_by_label("Query").fill("why does he avoid the racetrack now?")
    right = page.get_by_role("group", name="Right", exact=True)
    right.get_by_label("Query").fill("crooked races")
    right.get_by_label("Mode").select_option("tfidf")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".summary")).to_contain_text("rank-biased overlap")
    page.locator(".side li a").first.click()
    expect(page.locator("#explained .why")).to_have_count(2)
    assert violations(page) == []


def test_a_threshold_is_tried_on_the_labels(site: Site, visit: Visit) -> None:
    page = visit(site, "/quality")
    page.get_by_label("Least score").fill("0.9")
    expect(page.locator("label[for=threshold]")).to_contain_text("0.90")
    assert "threshold=0.9" in page.url


def test_a_store_that_is_replaced_under_an_open_page(
    site: Site, visit: Visit, faults: list[str], tmp_path: Path
) -> None:
    searching = visit(site)
    watching = searching.context.new_page()
    watching.goto(f"{site.address}/live")
    expect(watching.locator("[data-state]")).to_have_text("connected")
    agentmem.open(tmp_path / "other.db").close()
    os.replace(tmp_path / "other.db", site.store.path)
    searching.bring_to_front()
    searching.keyboard.type("alice")
    expect(searching.get_by_role("alert")).to_contain_text("deleted or replaced")
    watching.reload()
    expect(watching.get_by_role("alert")).to_contain_text("deleted or replaced")
    assert violations(searching) == []
    faults.clear()  # the console tells of the status 410


def test_a_bad_filter_is_said_while_typing(site: Site, visit: Visit, faults: list[str]) -> None:
    page = visit(site, "/search?q=alice&limit=5")
    page.get_by_label("Metadata where").fill("{")
    page.get_by_label("Scope").focus()
    expect(page.get_by_role("alert")).to_contain_text("where is not JSON")
    page.get_by_label("Metadata where").fill("{}")
    page.get_by_label("Scope").focus()
    expect(page.locator(".hit").first).to_contain_text("Alice")
    faults.clear()  # the console tells of the status 400


def test_a_stranger_is_told_what_to_do(site: Site, visit: Visit, faults: list[str]) -> None:
    page = visit(site)
    page.context.clear_cookies()
    page.goto(site.address)
    expect(page.get_by_role("alert")).to_contain_text("agentmem inspect")
    assert violations(page) == []
    faults.clear()  # the console tells of the status 403
