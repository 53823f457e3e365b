"""Only the browser that was given the token may talk to the inspector, and only its own pages may write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documentation import page_examples
from inspector.sample import fill
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import agentmem
from agentmem.inspect import app
from agentmem.inspect.headers import HEADERS
from agentmem.inspect.inspector import Inspector
from agentmem.inspect.screens import SCREENS

HOST = "127.0.0.1:8000"
ORIGIN = f"http://{HOST}"


@pytest.fixture
def inspector(path: Path) -> Iterator[Inspector]:
    fill(path, conversation=False)
    with agentmem.open(path) as store:
        yield app(store, hosts=[HOST])


@pytest.fixture
def client(inspector: Inspector) -> TestClient:
    """A browser with the cookie."""
    client = TestClient(inspector, base_url=ORIGIN)
    assert client.get(inspector.address).status_code == 200
    return client


def test_without_the_token_there_is_nothing_to_see(inspector: Inspector) -> None:
    stranger = TestClient(inspector, base_url=ORIGIN)
    for path in ("/", "/search", "/search.json", "/open?token=wrong", "/open", "/none"):
        answer = stranger.get(path)
        assert answer.status_code == 403
        assert "Alice" not in answer.text
        assert inspector.store.path not in answer.text


def test_a_token_admits_one_browser(inspector: Inspector) -> None:
    address = inspector.address
    first = TestClient(inspector, base_url=ORIGIN)
    answer = first.get(address)
    assert answer.status_code == 200
    assert "token" not in str(answer.url)
    assert first.get(address).status_code == 200, "the browser that is in may load the address again"
    second = TestClient(inspector, base_url=ORIGIN)
    assert second.get(address).status_code == 403
    assert second.get(inspector.address).status_code == 200, "there is a new token"


def test_only_a_visit_uses_the_token(inspector: Inspector) -> None:
    """A program that only looks whether the address is there does not."""
    assert TestClient(inspector, base_url=ORIGIN).head(inspector.address).status_code == 403
    assert TestClient(inspector, base_url=ORIGIN).get(inspector.address).status_code == 200


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(inspector: Inspector) -> None:
    answer = TestClient(inspector, base_url=ORIGIN).get(inspector.address, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1:9", "127.0.0.1.evil.example", ""]
)
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    """A name of the web that was bound to this machine (DNS rebinding) is such a host."""
    assert client.get("/search", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_may_not_ask(client: TestClient, site: str) -> None:
    assert client.get("/search", headers={"sec-fetch-site": site}).status_code == 403
    assert client.get("/search", headers={"sec-fetch-site": "none"}).status_code == 200
    assert client.get("/search", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("screen", [screen for screen in SCREENS if screen.is_form], ids=lambda one: one.path)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "https://127.0.0.1:8000"])
def test_another_page_may_not_write(client: TestClient, screen: object, origin: str | None) -> None:
    headers = {"origin": origin} if origin else {}
    assert client.post(screen.path, headers=headers, data={"csrf": "x"}).status_code == 403


@pytest.mark.parametrize("screen", [screen for screen in SCREENS if screen.is_form], ids=lambda one: one.path)
def test_a_form_without_the_secret_of_its_page_is_refused(client: TestClient, screen: object) -> None:
    answer = client.post(screen.path, headers={"origin": ORIGIN}, data={"id": "fact-0", "csrf": "é"})
    assert answer.status_code == 403
    assert client.get(screen.path).status_code == 404, "nothing is written by GET"


def test_every_screen_is_behind_the_guard(inspector: Inspector) -> None:
    for screen in SCREENS:
        stranger = TestClient(inspector, base_url=ORIGIN, headers={"origin": ORIGIN})
        for path in (screen.path, f"{screen.path}.json"):
            assert stranger.request("POST" if screen.is_form else "GET", path).status_code == 403


def test_every_answer_forbids_the_browser_everything_else(client: TestClient) -> None:
    stranger = TestClient(client.app, base_url=ORIGIN)
    for answer in (client.get("/"), client.get("/none"), client.get("/search.json"), stranger.get("/")):
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
    assert "'unsafe" not in HEADERS["content-security-policy"]


def test_it_can_be_mounted_in_another_application(path: Path) -> None:
    fill(path, conversation=False)
    with agentmem.open(path) as store:
        other = Starlette(routes=[Mount("/memory", app(store, guard=False))])
        client = TestClient(other, base_url="https://app.example")
        assert client.get("/memory/search?q=alice").status_code == 200
        assert 'href="/memory/search' in client.get("/memory/").text
        assert client.get("/memory/static/inspect.css").status_code == 200
        assert client.get("/memory/", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_the_example_of_the_documentation(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    fill(path, conversation=False)
    names: dict[str, Any] = {}
    (example,) = page_examples("inspector.md")
    exec(example, names)
    page = TestClient(names["application"]).get("/memory/")
    names["store"].close()
    assert "Ask Carol" in page.text


def test_mounted_with_the_guard_it_asks_for_the_token(path: Path) -> None:
    fill(path, conversation=False)
    with agentmem.open(path) as store:
        inspector = app(store, hosts=["app.example"])
        client = TestClient(Starlette(routes=[Mount("/memory", inspector)]), base_url="https://app.example")
        assert client.get("/memory/search").status_code == 403
        assert client.get(f"/memory{inspector.address}").status_code == 200
        assert client.get("/memory/search").status_code == 200


def test_a_websocket_is_refused(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/search"):
        pass
    assert caught.value.code == 1008


def test_a_store_that_was_replaced_is_not_shown(
    client: TestClient, inspector: Inspector, tmp_path: Path
) -> None:
    agentmem.open(tmp_path / "other.db").close()
    (tmp_path / "other.db").replace(inspector.store.path)
    answer = client.get("/search")
    assert answer.status_code == 410
    assert "replaced" in answer.text
