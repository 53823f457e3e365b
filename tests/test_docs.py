"""The pages of docs/: their examples run, their navigation is complete, and what is generated is current.

Pages about a framework run where it is installed, in tests/frameworks and tests/crewai.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from documentation import README, ROOT, page_examples

from agentmem.inspect.keys import KEYS

DOCS = ROOT / "docs"
PAGES = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))
COPIED = {"project/changelog.md", "project/architecture.md", "project/contributing.md", "project/security.md"}
# These need something that only other tests make, or have.
ELSEWHERE = {"guides/postgresql.md", "inspector.md", "moving-in.md"}
OWN = [
    page
    for page in PAGES
    if not page.startswith("frameworks/") and page not in ELSEWHERE and page_examples(page)
]


@pytest.mark.parametrize("page", OWN)
def test_the_examples_of_a_page_run(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for code in page_examples(page):
        exec(compile(code, page, "exec"), names)
    for name, test in names.items():
        if name.startswith("test_") and callable(test):
            test(tmp_path)


def test_every_page_is_in_the_navigation() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"([\w/-]+\.md)$", config, flags=re.MULTILINE)
    assert {page for page in listed if (DOCS / page).exists()} == set(PAGES)
    assert {page for page in listed if not (DOCS / page).exists()} == COPIED
    assert len(listed) == len(set(listed))


def test_the_page_of_the_crate_shows_the_example_that_rust_compiles() -> None:
    (shown,) = re.findall(
        r"```rust\n(.*?)```", (DOCS / "reference" / "rust.md").read_text("utf-8"), re.DOTALL
    )
    comment = re.sub(r"^//! ?", "", (ROOT / "src" / "lib.rs").read_text("utf-8"), flags=re.MULTILINE)
    (compiled,) = re.findall(r"```no_run\n(.*?)# Ok", comment, flags=re.DOTALL)
    assert shown == compiled


@pytest.fixture
def docs() -> ModuleType:
    """`.ci/docs.py`."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / ".ci" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_on_pypi_has_absolute_links_and_installs_from_there(docs: ModuleType) -> None:
    published = docs.published_readme(README)
    places = re.findall(r"(?:\]\(|src=\"|srcset=\")([^)\"]+)", published)
    assert len(places) > 20
    assert [place for place in places if not place.startswith("https://")] == []
    for place in places:
        assert (ROOT / re.sub(r"^https://[^/]+/agentmem/agentmem/(blob/)?main/", "", place)).exists(), place
    assert "pip install agentmem-db && " in published
    assert "pip install ." not in published
    assert '"agentmem-db[inspect]"' in published


def test_each_picture_is_made_by_the_script_and_shown(docs: ModuleType) -> None:
    shown = set(re.findall(r"pictures/([\w-]+)\.png", README))
    for page in PAGES:
        shown |= set(re.findall(r"pictures/([\w-]+)\.png", (DOCS / page).read_text(encoding="utf-8")))
    assert shown == set(docs.PICTURES) == {path.stem for path in (DOCS / "pictures").glob("*.png")}
    assert "quality-light" in shown


def test_the_page_of_the_inspector_names_each_key() -> None:
    keys = (DOCS / "inspector.md").read_text(encoding="utf-8").partition("## Keys")[2].partition("## ")[0]
    named = set(re.findall(r"`([^`]+)`", keys))
    assert named == {part for key, _ in KEYS for part in key.split(" ")}


def test_the_page_of_the_commands_is_current(docs: ModuleType) -> None:
    """`python .ci/docs.py cli` writes it."""
    assert (DOCS / "reference" / "cli.md").read_text(encoding="utf-8") == docs.cli_page()


def test_every_command_is_documented() -> None:
    help = subprocess.run(
        [sys.executable, "-m", "agentmem", "--help"], capture_output=True, encoding="utf-8"
    ).stdout
    commands = re.findall(r"^  ([a-z-]+)  ", help.partition("Commands:")[2], flags=re.MULTILINE)
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    assert commands
    assert all(f"\n## {command}\n" in page for command in commands)
