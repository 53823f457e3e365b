"""A Markdown note: its front matter, and the passages below its headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?![^ \t])")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_PARAGRAPH = re.compile(r" {0,3}(?![>#|`~]|[-+*][ \t]|\d+[.)][ \t])\S")
_LIST = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\'[^\']*\'|[^,]+)')
_NUMBER = re.compile(r"[-+]?(?:\d+|\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True)
class Passage:
    """The text below one heading, up to the next heading of any level."""

    headings: tuple[str, ...]
    """The headings above, outermost first, with its own; none for what stands before the first one."""
    text: str
    """The heading's line and what follows, as written."""


@dataclass(frozen=True)
class Note:
    """A note."""

    metadata: dict[str, Any]
    """The front matter."""
    passages: list[Passage]
    """The passages that have a text, in order."""

    @property
    def title(self) -> str:
        """The title of the front matter, or the first heading; "" if there is neither."""
        named = self.metadata.get("title")
        return str(named) if named else next((p.headings[0] for p in self.passages if p.headings), "")

    @property
    def tags(self) -> list[str]:
        """The tags of the front matter, from a list or from a text with commas."""
        tags = self.metadata.get("tags") or self.metadata.get("tag") or ()
        names = tags if isinstance(tags, list) else re.split(r"[,\s]+", str(tags))
        return [name for tag in names if (name := str(tag).strip().lstrip("#"))] if tags else []


def parse_note(text: str) -> Note:
    """Parse a note. Every text is one."""
    lines = text.replace("\r\n", "\n").split("\n")
    front, start = _front_matter(lines)
    return Note(front, list(_passages(lines[start:])))


def _front_matter(lines: list[str]) -> tuple[dict[str, Any], int]:
    """The fields between two lines of `---` at the start, and the number of the line behind them."""
    if lines[0].rstrip() != "---":
        return {}, 0
    for end, line in enumerate(lines[1:], 1):
        if line.rstrip() in ("---", "..."):
            return dict(_fields(lines[1:end])), end + 1
    return {}, 0


def _fields(lines: list[str]) -> Iterator[tuple[str, Any]]:
    """The fields of a front matter: scalars, lists, and text of several lines, as in YAML 1.2.

    What is nested deeper stays text. Lines that are no field are left out.
    """
    at = 0
    while at < len(lines):
        key, colon, first = lines[at].partition(":")
        at += 1
        if not colon or first[:1].strip() or not key.strip() or key[0] in " \t-#":
            continue
        end = at
        while end < len(lines) and (not lines[end].strip() or lines[end][0] in " \t-"):
            end += 1
        yield _unquoted(key.strip()), _value(first.strip(), lines[at:end])
        at = end


def _value(first: str, below: list[str]) -> Any:
    """The value that stands behind the colon, or in the lines below it."""
    texts = [line.strip() for line in below if line.strip() and not line.lstrip().startswith("#")]
    if first[:1] in ("|", ">"):
        return ("\n" if first[0] == "|" else " ").join(texts)
    if first and not first.startswith("#"):
        return _list(first[1:-1]) if first.startswith("[") and first.endswith("]") else _scalar(first)
    if texts and all(text.startswith("-") for text in texts):
        return [_scalar(text[1:].strip()) for text in texts]
    return "\n".join(texts) or None


def _list(text: str) -> list[Any]:
    return [_scalar(item.strip()) for item in _LIST.findall(text) if item.strip()]


def _scalar(text: str) -> Any:
    if text[:1] in ("'", '"'):
        return _unquoted(text)
    text = text.split(" #", 1)[0].rstrip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _NUMBER.fullmatch(text) and len(text) < 20:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    return text


def _unquoted(text: str) -> str:
    match = re.match(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\']|\'\')*)\'', text)
    if match is None:
        return text
    if match[2] is not None:
        return match[2].replace("''", "'")
    return re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t"}.get(escape[1], escape[1]), match[1])


def with_code(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a block of code between fences."""
    fence = ""
    for line in lines:
        match = _FENCE.match(line)
        yield line, bool(match or fence)
        if match and not fence:
            fence = match[1]
        elif match and match[1].startswith(fence) and not line.strip(" \t" + fence[0]):
            fence = ""


def _passages(lines: list[str]) -> Iterator[Passage]:
    headings: list[tuple[int, str]] = []
    collected: list[str] = []
    for line, code in with_code(lines):
        if not code and (heading := _HEADING.match(line)):
            yield from _passage(headings, collected)
            level = len(heading[1])
            headings = [each for each in headings if each[0] < level] + [(level, _title(line, heading.end()))]
            collected = []
        elif not code and (underline := _UNDERLINE.fullmatch(line)) and _ends_with_title(collected):
            title = collected.pop()
            yield from _passage(headings, collected)
            level = 1 if underline[1][0] == "=" else 2
            headings = [each for each in headings if each[0] < level] + [(level, title.strip())]
            collected = [title]
        collected.append(line)
    yield from _passage(headings, collected)


def _ends_with_title(lines: list[str]) -> bool:
    """Whether the last line is a paragraph of its own, which a line below makes a heading."""
    before = lines[-2] if len(lines) > 1 else ""
    return bool(lines and _PARAGRAPH.match(lines[-1]) and (not before.strip() or _HEADING.match(before)))


def _passage(headings: list[tuple[int, str]], lines: list[str]) -> Iterator[Passage]:
    """The passage of a heading and the lines below, if there is more than the heading."""
    if any(line.strip() for line in (lines[1:] if headings else lines)):
        yield Passage(tuple(title for _, title in headings), "\n".join(lines).strip())


def _title(line: str, start: int) -> str:
    """The text of a heading, without the marks that may close it."""
    title = line[start:].strip()
    open_end = title.rstrip("#")
    return open_end.rstrip() if open_end != title and open_end[-1:] in ("", " ", "\t") else title
