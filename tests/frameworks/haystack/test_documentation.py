"""The examples of the package and of its page run."""

import documentation
import pytest


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("haystack"), ids=lambda test: test.name
)
def test_examples_of_docstrings_run(example):
    documentation.run(example, {})


def test_examples_of_the_page_run():
    names = {}
    for code in documentation.page_examples("frameworks/haystack.md"):
        exec(compile(code, "haystack.md", "exec"), names)
