"""The page of the documentation about CrewAI."""

from documentation import page_examples


def test_its_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = page_examples("frameworks/crewai.md")
    exec(compile(example, "crewai.md", "exec"), {})
