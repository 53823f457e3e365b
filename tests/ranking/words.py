"""Words and sentences of a text, with what `agentmem.analyze` does not tell: case, stop words, grams.

It knows what the tests use: alphabets, Han, Hangul and emoji. `test_ranking.py` checks that these
words have the terms of the analyzer.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import agentmem

from .tuning import BOILERPLATE, STOP_WORDS, TOKENIZER

HAN, HANGUL, EMOJI = "\u3400-\u9fff", "\uac00-\ud7a3", "\u2600-\u2767\U0001f300-\U0001faff"
RUN = re.compile(rf"[{HAN}]+|[{HANGUL}]+|[{EMOJI}]|[^\W{HAN}{HANGUL}]+")
CLITICS = {"s", "t", "d", "m", "ll", "re", "ve"}
GRAM = 4


@dataclass(frozen=True)
class Surface:
    """A piece of a word that becomes a term."""

    text: str
    term: str


@dataclass(frozen=True)
class Word:
    """A run of one script, or several that are joined. Its case is as written, its accents are gone."""

    text: str
    parts: int = 0
    """So many of the words after it are parts of it."""
    joined: bool = False

    @property
    def spaced(self) -> bool:
        """Do blanks part such words, and are its grams its own?"""
        return not re.match(f"[{HAN}{EMOJI}]", self.text) and not self.parts

    @property
    def identifier(self) -> bool:
        """Does the whole name one thing? "3-bedroom" does not."""
        counts = re.fullmatch(r"[0-9]+([^\W\d_]{3,})", self.text)
        if counts and counts[1].islower():
            return self.parts == 1
        return self.parts == 1 or (self.parts > 1 and re.search("[0-9_]", self.text) is not None)

    def letters_and_digits(self) -> list[str]:
        """The two parts of "RTX4090" or "10kg", in lower case; none of other words."""
        parts = re.fullmatch(
            r"([a-z]{1,8})([0-9]+[a-z]{0,2})|([0-9]+)(?!(?:s|st|nd|rd|th)$)([a-z]{1,3})", self.text.lower()
        )
        return (
            [part for part in parts.groups() if part]
            if parts and len(self.text) > 2 and not self.joined
            else []
        )

    @property
    def folded(self) -> str:
        """The whole word in lower case."""
        return lower(self.text.strip("_"))

    @property
    def capitalized(self) -> bool:
        """Does it begin with a capital?"""
        return self.text.lstrip("_")[:1].isupper()

    def surfaces(self) -> list[Surface]:
        """Each piece that becomes a term."""
        if self.joined:
            return [Surface(self.folded, agentmem.analyze(self.folded)[0])]
        if not self.spaced:
            single = [text for text in self.text if text not in "ーァィゥェォッャュョっゃゅょ"]
            return [Surface(text, text) for text in [*single, *windows(self.text, 2)]]
        if re.match(f"[{HANGUL}]", self.text):
            pairs = windows(self.text, 2) if len(self.text) > 2 else []
            return [Surface(text, text) for text in [self.text, *pairs]]
        whole = self.text.strip("_")
        parts = [hump for part in whole.split("_") for hump in humps(part) if hump]
        texts = [lower(part) for part in [whole, *(parts if len(parts) > 1 else [])] if part]
        return [Surface(text, agentmem.analyze(text)[0]) for text in texts]

    def is_meant(self, leads: bool) -> bool:
        """Does its case tell that it is no stop word, though spelled like one?

        `leads` says that it begins its sentence.
        """
        if self.text in ("IT", "US"):
            return True
        if self.text in ("I", "A"):
            return False
        a_name = self.text.istitle() and self.text.lower() in STOP_WORDS.NAMES.split()
        return not leads and (self.text == "WHO" or a_name or re.fullmatch("[A-Z]", self.text) is not None)

    def grams(self) -> list[str]:
        """Every four neighbours in the word with a blank on each side; of a single character all three."""
        padded = f" {self.folded} "
        return [padded] if len(padded) == GRAM - 1 else windows(padded, GRAM)


def humps(text: str) -> list[str]:
    """The parts of "camelCase" and "HTTPServer2"."""

    def starts(at: int) -> bool:
        before, after = text[at - 1], text[at + 1 : at + 2]
        inside = before.islower() or before.isnumeric() or (before.isupper() and after.islower())
        return text[at].isupper() and inside

    cuts = [0, *(at for at in range(1, len(text)) if starts(at)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


def windows(text: str, size: int) -> list[str]:
    """Every `size` neighbouring characters."""
    return [text[at : at + size] for at in range(len(text) - size + 1)]


def lower(text: str) -> str:
    """Lower case, character by character; going up in between brings ß and ss together."""
    return "".join(character.lower().upper().lower() for character in text)


def without_accents(text: str) -> str:
    """NFKC without diacritics; in Cyrillic and Hangul they are part of the letter."""
    kept = re.compile(f"[{HANGUL}\u0400-\u052f]")
    return "".join(
        letter
        if kept.match(letter)
        else "".join(
            part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)
        )
        for letter in unicodedata.normalize("NFKC", text.replace("\u2019", "'"))
    )


def has_accents(text: str) -> bool:
    """Whether it has diacritics. Full-width characters have none."""
    return without_accents(text) != unicodedata.normalize("NFKC", text.replace("\u2019", "'"))


@dataclass(frozen=True)
class Run:
    """A run of one script in a text."""

    start: int
    end: int
    text: str


def runs(text: str) -> list[Run]:
    """The runs of a text, without what English cuts off behind an apostrophe. "Don't" is "not"."""
    found: list[Run] = []
    for run in RUN.finditer(text):
        if found and run.start() < found[-1].end:
            continue
        negated = run[0].lower() in TOKENIZER.NEGATED and re.match(
            r"'t(?!\w)", text[run.end() :], re.IGNORECASE
        )
        before = text[max(0, run.start() - 2) : run.start()]
        clitic = len(before) == 2 and before[1] == "'" and RUN.match(before[0]) is not None
        if negated:
            found.append(Run(run.start(), run.end() + 2, "not"))
        elif not (clitic and run[0].lower() in CLITICS):
            found.append(Run(run.start(), run.end(), run[0]))
    return found


def joint(text: str, left: Run, right: Run) -> str | None:
    """How the mark between two runs is written in the whole; None if they are not joined."""
    mark = text[left.end : right.start]
    if "_" in (left.text[-1], right.text[0]) or any(
        re.match(f"[{HAN}{HANGUL}{EMOJI}]", r.text) for r in (left, right)
    ):
        return None
    digits = left.text[-1] in "0123456789" and right.text[0] in "0123456789"
    if digits and mark in {".", "/", ":"}:
        return "_"
    if digits and mark == "," and re.fullmatch("[0-9]{3}", right.text):
        return ","
    return {"-": "-", ".": "", "&": "", "@": "_"}.get(mark)


def symbols(text: str, group: list[Run]) -> tuple[str, str]:
    """What symbols around joined runs add to their name: ".NET" is "dotnet", "C++" is "cpp"."""
    first, last = group[0], group[-1]
    if not re.search("[A-Za-z]$", last.text):
        return "", ""
    before = re.search(r"(?:^|[\s(\[\"'])\.$", text[: first.start]) and re.match("[A-Za-z]", first.text)
    after = re.match(r"(\+\+)(?!\+)|(\+)(?![A-Za-z0-9+=#])|(#)(?![A-Za-z0-9+=#])", text[last.end :])
    suffix = {"++": "pp", "+": "plus", "#": "sharp" if last.end - first.start == 1 else ""}
    return "dot" if before else "", suffix[after[0]] if after else ""


@cache
def words(text: str) -> list[Word]:
    """The words of a text: each compound followed by its parts, and the others."""
    text = without_accents(text)
    found: list[Word] = []
    left = runs(text)
    while left:
        group = [left.pop(0)]
        parts, joints = [group[0].text], [""]
        while left and (mark := joint(text, group[-1], left[0])) is not None:
            group.append(left.pop(0))
            if mark == ",":
                parts[-1] += group[-1].text
            else:
                parts.append(group[-1].text)
                joints.append(mark)
        dot, symbol = symbols(text, group)
        lone = len(parts) == 1 and (not (dot or symbol) or len(parts[0]) == 1)
        if len(parts) > 1 or dot or symbol:
            short = "".join(parts).isdigit() and len("".join(parts)) < 7
            hyphen = "_" if short else ""
            whole = "".join(
                mark.replace("-", hyphen) + part for mark, part in zip(joints, parts, strict=True)
            )
            found.append(Word(dot + whole + symbol, 0 if lone else len(parts), joined=True))
        if not (lone and (dot or symbol)):
            found += [Word(part) for part in parts]
    return found


def terms(text: str) -> list[str]:
    """The terms of a text in order, with repeats."""
    return [surface.term for word in words(text) for surface in word.surfaces()]


_IN_WORD = r"0-9A-Za-z\x80-\U0010ffff"
_WRITTEN = re.compile(
    rf"[{_IN_WORD}_](?:[{_IN_WORD}_']|(?<=[{_IN_WORD}])[-.@&](?=[{_IN_WORD}])|(?<=[0-9])[/:](?=[0-9])"
    rf"|(?<=[0-9]),(?=[0-9]{{3}}(?![{_IN_WORD}_'])))*"
)


def written(text: str) -> list[str]:
    """The words as they are written, between blanks and the punctuation that separates words."""
    return [word.rstrip("'") for word in _WRITTEN.findall(text)]


def sentences(text: str) -> list[str]:
    """The sentences of a text, none blank."""
    return [sentence.strip() for sentence in whole_sentences(text) if sentence.strip()]


def whole_sentences(text: str) -> list[str]:
    """The sentences of a text with all white space: together they are the text."""
    found, start, letters, before = [], 0, 0, ""
    for at, character in enumerate(text):
        blank_follows = text[at + 1 : at + 2].isspace()
        if (
            character in "\n。\uff1f\uff01؟।\uff1b"
            or (character in "?!;:" and blank_follows)
            or (character == "." and blank_follows and (letters >= 3 or before in tuple(")]\"'”")))
        ):
            found.append(text[start : at + 1])
            start, letters, before = at + 1, 0, ""
        else:
            letters = letters + 1 if character.isalnum() or unicodedata.combining(character) else 0
            before = character
    return [*found, text[start:]]


@cache
def pieces(text: str, most: int) -> list[str]:
    """The sentences of a text, each with the white space behind it. Those of more bytes are cut."""
    found = [""]
    for sentence in whole_sentences(text):
        blank = sentence[: len(sentence) - len(sentence.lstrip())]
        found[-1] += blank
        if blank != sentence:
            found.append(sentence[len(blank) :])
    if len(found) > 1:
        found[:2] = ["".join(found[:2])]
    return [piece for sentence in found for piece in cut(sentence, most)]


def cut(sentence: str, most: int) -> list[str]:
    """A sentence in parts of so many bytes: cut at white space if possible, and never inside a word."""
    found = []
    while len(sentence.encode()) > most:
        end = cut_at(sentence, most)
        found.append(sentence[:end])
        sentence = sentence[end:]
    return [part for part in [*found, sentence] if part]


def cut_at(sentence: str, most: int) -> int:
    """The last place for a cut that leaves few bytes before it, or else the first."""
    blank = other = size = 0
    for at, (before, after) in enumerate(pairwise(sentence), 1):
        size += len(before.encode())
        if size > most and (blank or other):
            break
        if before.isspace() and not after.isspace():
            blank = at
        elif may_part(before, after):
            other = at
    return blank or other or len(sentence)


def may_part(before: str, after: str) -> bool:
    """Is there no word that has both characters, one after the other?"""
    kinds = [rf"[{HAN}]", f"[{HANGUL}]", f"[{EMOJI}]", rf"[^\W{HAN}{HANGUL}]"]
    one, other = ([kind for kind in kinds if re.match(kind, character)][:1] for character in (before, after))
    return bool(one and other) and (one != other or other == kinds[:1])


def is_question(sentence: str) -> bool:
    """Does it end as questions do? Quotes, brackets and emphasis may follow the mark."""
    return re.search(r"[?\uff1f؟\u037e][\s\"'”»)\]*]*$", sentence) is not None


@cache
def stop_words() -> frozenset[str]:
    """Case-folded words that say nothing about what is looked for."""
    listed = f"{STOP_WORDS.ENGLISH} {STOP_WORDS.OTHERS}".split()
    return frozenset(lower(without_accents(word)) for word in listed)


@cache
def stop_terms() -> frozenset[str]:
    """The terms of English stop words."""
    return frozenset(agentmem.analyze(word)[0] for word in STOP_WORDS.ENGLISH.split())


@cache
def boilerplate_terms() -> frozenset[str]:
    """The terms of words that tasks and polite messages are phrased in."""
    return frozenset(agentmem.analyze(BOILERPLATE.WORDS))


def is_particle(term: str) -> bool:
    """A particle or question word of Chinese, or a pair of characters with a particle in it."""
    has_particle = any(particle in term for particle in STOP_WORDS.PARTICLES)
    return not term[0].isascii() and len(term) <= 2 and (has_particle or term in STOP_WORDS.CHINESE)
