"""Records that somebody wrote to harm the reader are shown as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspector.site import Site, serving
from markupsafe import Markup
from playwright.sync_api import Page, expect

import agentmem
from agentmem._matching_words import terms_of
from agentmem.inspect.labels import Label
from agentmem.inspect.words import marked, visible

HOSTILE = [
    "<script>alert(1)</script> poison",
    "<img src=x onerror=alert(1)> poison",
    "</mark></p></main><iframe src='javascript:alert(1)'></iframe> poison",
    "\"><svg/onload=alert(1)> 'poison' {{ 7 * 7 }} {% raw %}",
    "\x1b]0;owned\x07\x1b[2J\x1b[31m poison",
    "\u202egnissim si siht\u202c poison\u200b",
    "poison " + "x" * 5000,
    "poison " * 20_000,
]

Visit = Callable[..., Page]


def hostile_id(at: int) -> str:
    return f"{at}\"><b>&amp;'/../?#"


@pytest.fixture
def poisoned(path: Path) -> Iterator[Site]:
    with agentmem.open(path, durability="normal") as store:
        for at, text in enumerate(HOSTILE):
            name = text[:60].replace("\x00", "").strip()
            store.add(
                text,
                id=f"{at}\"><b>&amp;'/../?#",
                scope="/" + name.replace("/", "|"),
                categories=[name],
                source=name,
                metadata={name: [name, {"deep": name}]},
            )
    with serving(path, include_private=True) as site:
        for at, text in enumerate(HOSTILE):
            site.inspector.labels.add(Label(text[:50], hostile_id(at), at % 2 == 0, at / 10))
        yield site


ADDRESSES = [
    "/",
    "/search?q=poison&limit=20",
    "/search?q=poison&scope=/<script>",
    "/browse",
    "/live",
    "/compare?a_q=poison",
    "/quality",
    *(f"{path}?id={quote(hostile_id(at))}" for path in ("/record", "/delete") for at in range(len(HOSTILE))),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_records_are_text(poisoned: Site, visit: Visit, address: str) -> None:
    page = visit(poisoned, address)
    expect(page.locator("main")).to_be_visible()
    assert page.locator("script").count() == 2, "htmx and our own"
    assert page.locator("main iframe, main b, main img, main svg[onload], main [onerror]").count() == 0


def test_hostile_records_are_shown_in_full(poisoned: Site, visit: Visit) -> None:
    page = visit(poisoned, "/search?q=poison&limit=20")
    text = page.locator("main").inner_text()
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert "\\u001b]0;owned\\u0007" in text, "escapes for terminals are seen"
    assert "\\u202egnissim" in text, "what reorders text is seen"
    assert "\x1b" not in text
    for at in range(len(HOSTILE)):
        hit = page.locator(".hit").nth(at)
        hit.get_by_role("link", name="Why").click()
        expect(hit.locator(".reason")).to_contain_text(f"rank {at + 1} ")


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.text())
def test_no_text_makes_a_tag(text: str, word: str) -> None:
    for html in (visible(text), marked(text, terms_of([word, text[:20]]))):
        assert isinstance(html, Markup)
        assert _Tags(html).tags <= {"span", "mark"}


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_all_that_is_visible_is_shown_as_it_is(text: str) -> None:
    assert _Tags(marked(text, terms_of([text]))).text == text
