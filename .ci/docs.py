"""Prepare the documentation in target/docs, and write llms.txt beside the built site.

python .ci/docs.py prepare   copy docs/, and the project's own pages with their links put right
python .ci/docs.py llms      write target/site/llms.txt and llms-full.txt (https://llmstxt.org)
python .ci/docs.py cli       write docs/reference/cli.md from the commands' help
python .ci/docs.py pictures  copy pictures of the inspector into docs/, after `nox -s inspect`
python .ci/docs.py readme    write README.md as PyPI shows it; only a release does so
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS, PREPARED, SITE = ROOT / "docs", ROOT / "target" / "docs", ROOT / "target" / "site"
CLI_PAGE = DOCS / "reference" / "cli.md"
# Files of the project that are pages too.
PAGES = {
    "CHANGELOG.md": "project/changelog.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
}
# Pictures in docs/pictures, and what the tests of the inspector call them.
PICTURES = {
    "search-light": "why-light",
    "search-dark": "why-dark",
    "compare-light": "compare-light",
    "quality-light": "quality-light",
}
REPOSITORY = "https://github.com/agentmem/agentmem/blob/main"
RAW = "https://raw.githubusercontent.com/agentmem/agentmem/main"


def prepare() -> None:
    """Make target/docs."""
    shutil.rmtree(PREPARED, ignore_errors=True)
    shutil.copytree(DOCS, PREPARED)
    (PREPARED / "project").mkdir(exist_ok=True)
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        (PREPARED / page).write_text(re.sub(r"\]\((?!https?:|#)([^)]+)\)", _link, text), encoding="utf-8")
    for picture in (ROOT / "benches" / "results").glob("*.svg"):
        shutil.copy(picture, PREPARED / "pictures")


def _link(found: re.Match[str]) -> str:
    """A link of a project's page: to another page, else to the repository."""
    target, _, anchor = found[1].partition("#")
    page = Path(PAGES[target]).name if target in PAGES else f"{REPOSITORY}/{target}"
    return f"]({page}{'#' + anchor if anchor else ''})"


def cli_page() -> str:
    """The help of every command, as users see it at 100 columns."""
    from click.testing import CliRunner

    from agentmem.cli import cli

    def help_of(*command: str) -> str:
        result = CliRunner().invoke(
            cli, [*command, "--help"], prog_name="agentmem", env={"COLUMNS": "100"}, terminal_width=100
        )
        return f"```text\n{result.output.rstrip()}\n```\n"

    parts = ["# Command line\n", "`agentmem`, or `python -m agentmem`.\n", help_of()]
    for name, command in sorted(cli.commands.items()):
        parts += [f"## {name}\n", help_of(name)]
        for sub in sorted(getattr(command, "commands", {})):
            parts += [f"### {name} {sub}\n", help_of(name, sub)]
    return "\n".join(parts)


def llms() -> None:
    """Write the list of pages, and all pages as one text."""
    index, whole = ["# agentmem\n", "> The SQLite of agent memory.\n"], []
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        title = text.partition("\n")[0].lstrip("# ")
        index.append(
            f"- [{title}](https://agentmem.github.io/agentmem/{page.relative_to(DOCS).with_suffix('')}/)"
        )
        whole.append(text)
    (SITE / "llms.txt").write_text("\n".join(index) + "\n", encoding="utf-8")
    (SITE / "llms-full.txt").write_text("\n\n".join(whole), encoding="utf-8")


def published_readme(text: str) -> str:
    """The README as PyPI shows it: its links lead to the repository, and it installs from there."""

    def absolute(found: re.Match[str]) -> str:
        base = RAW if found[2].endswith((".png", ".svg")) else REPOSITORY
        return f"{found[1]}{base}/{found[2]}"

    text = re.sub(r'(\]\(|src="|srcset=")(?!https?:|#)([^)"]+)', absolute, text)
    return text.replace("pip install . ", "pip install agentmem-db ").replace('".[', '"agentmem-db[')


def readme() -> None:
    """Write README.md for a release."""
    page = ROOT / "README.md"
    page.write_text(published_readme(page.read_text(encoding="utf-8")), encoding="utf-8")


def pictures() -> None:
    """Copy the pictures of the inspector that the README and the documentation show."""
    for name, shown in PICTURES.items():
        shutil.copy(ROOT / "target" / "inspector" / f"{shown}.png", DOCS / "pictures" / f"{name}.png")


def cli() -> None:
    """Write the page of the commands."""
    CLI_PAGE.write_text(cli_page(), encoding="utf-8")


COMMANDS = {"prepare": prepare, "llms": llms, "cli": cli, "pictures": pictures, "readme": readme}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]]()
