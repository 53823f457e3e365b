"""What the pages load comes from the package, unchanged."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import agentmem.inspect
from agentmem.inspect.keys import KEYS

STATIC = Path(agentmem.inspect.__file__).parent / "static"
TEMPLATES = STATIC.parent / "templates"
INLINE = r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe"
# dist/htmx.min.js of https://github.com/bigskysoftware/htmx, version 2.0.10.
HTMX = "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"


def test_htmx_is_the_released_file() -> None:
    htmx = (STATIC / "htmx.min.js").read_bytes()
    assert hashlib.sha256(htmx).hexdigest() == HTMX
    assert b'version:"2.0.10"' in htmx
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE").read_text("utf-8")


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in [*TEMPLATES.iterdir(), *STATIC.glob("inspect.*"), *STATIC.glob("*.svg")]:
        addresses = set(re.findall(r"(?:https?:)?//[\w.]+", path.read_text("utf-8")))
        assert addresses <= {"http://www.w3.org"}, path.name


def test_templates_have_neither_inline_scripts_nor_styles() -> None:
    for path in TEMPLATES.iterdir():
        text = path.read_text("utf-8")
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe", text), (
            path.name
        )


def test_the_list_of_keys_is_that_of_the_script() -> None:
    script = (STATIC / "inspect.js").read_text("utf-8")
    block = script.partition("const KEYS = {")[2].partition("\n};")[0]
    assert re.findall(r'^  "([^"]+)":', block, flags=re.MULTILINE) == [key for key, _ in KEYS]
