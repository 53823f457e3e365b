"""The examples of the package and of its page run."""

import documentation
import pytest
from langchain_core.globals import set_llm_cache


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    set_llm_cache(None)


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("langchain"), ids=lambda test: test.name
)
def test_examples_of_docstrings_run(example):
    documentation.run(example, {})


def test_examples_of_the_page_run():
    names = {}
    for code in documentation.page_examples("frameworks/langchain.md"):
        exec(compile(code, "langchain.md", "exec"), names)
