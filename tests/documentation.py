"""The examples of the README and of the package's docstrings, for the tests that run them.

With --postgres, where an example names the file of a store, its store is in a database.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import postgres_server

import agentmem

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGE = Path(agentmem.__file__).parent
# Adapters whose examples run where their framework is installed, in tests/frameworks.
FRAMEWORKS = {path.parent.name for path in (ROOT / "tests" / "frameworks").glob("*/requirements.txt")}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def readme_examples(*, crewai: bool) -> list[str]:
    """The Python code of the README, either with or without CrewAI."""
    return [example for example in _python(README) if ("crewai" in example) == crewai]


def page_examples(page: str) -> list[str]:
    """The Python code of a page of docs/, such as "frameworks/mcp.md"."""
    return _python((ROOT / "docs" / page).read_text(encoding="utf-8"))


def _python(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", _placed(page), flags=re.DOTALL)


def _placed(text: str) -> str:
    """The text, in which names of files are calls that say where the test keeps the store."""
    if not postgres_server.chosen:
        return text
    return re.sub(r'"\w+\.db"', r'str(__import__("postgres_server").place(\g<0>))', text)


def docstring_examples(*, crewai: bool, without: tuple[str, ...] = ()) -> list[doctest.DocTest]:
    """The `>>>` examples of the package's files, either with or without CrewAI, but for some files."""
    files = [path for path in sorted(PACKAGE.rglob("*.py*")) if path.suffix in {".py", ".pyi"}]
    return [
        example
        for path in files
        if ("crewai" in path.relative_to(PACKAGE).parts) == crewai
        and path.relative_to(PACKAGE).with_suffix("").parts[0] not in FRAMEWORKS
        and path.name not in without
        for example in _examples_of(path)
    ]


def examples_of_framework(name: str) -> list[doctest.DocTest]:
    """The `>>>` examples of one adapter, a module or a package."""
    files = (
        [PACKAGE / f"{name}.py"]
        if (PACKAGE / f"{name}.py").exists()
        else sorted((PACKAGE / name).rglob("*.py"))
    )
    return [example for path in files for example in _examples_of(path)]


def run(example: doctest.DocTest, names: Mapping[str, Any]) -> None:
    """Run a docstring's example with some names known; fail as pytest shows it."""
    example.globs.update(names)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, clear_globs=False)
    assert result.failed == 0, f"an example of {example.filename} failed"


def _examples_of(path: Path) -> list[doctest.DocTest]:
    nodes = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, DOCUMENTED)]
    parser = doctest.DocTestParser()
    found = [
        parser.get_doctest(_placed(text), {}, getattr(node, "name", path.stem), str(path), 0)
        for node in nodes
        if (text := ast.get_docstring(node))
    ]
    return [example for example in found if example.examples]
