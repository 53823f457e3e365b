"""The tokenizer of BERT's uncased models: texts as the numbers of word pieces.

It does what the library `tokenizers` does with the tokenizer of such a model. Source: Devlin, Chang, Lee and
Toutanova, "BERT: pre-training of deep bidirectional transformers for language understanding", 2019.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Iterator

# A longer word is unknown.
_LONGEST_WORD = 100
# The first and the last of each block of Chinese characters. Each such character is a word.
_CHINESE = [
    ("\u4e00", "\u9fff"),
    ("\u3400", "\u4dbf"),
    ("\U00020000", "\U0002a6df"),
    ("\U0002a700", "\U0002b73f"),
    ("\U0002b740", "\U0002b81f"),
    ("\U0002b820", "\U0002ceaf"),
    ("\uf900", "\ufaff"),
    ("\U0002f800", "\U0002fa1f"),
]


class WordPiece:
    """Splits words into the longest pieces that a vocabulary has."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        """Take the pieces in the order of their numbers. Those that continue a word begin with ##."""
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._longest = max(map(len, self._numbers), default=0)
        self._unknown = self._numbers["[UNK]"]
        self._ends = self._numbers["[CLS]"], self._numbers["[SEP]"]

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text; [UNK] for a word that cannot be made of pieces."""
        return [piece for word in _words(text) for piece in self._split(word)]

    def numbers(self, pieces: list[str]) -> list[int]:
        """The input of the model: the numbers of the pieces between those of [CLS] and [SEP]."""
        first, last = self._ends
        return [first, *(self._numbers[piece] for piece in pieces), last]

    def _split(self, word: str) -> list[str]:
        pieces: list[str] = []
        at = 0
        while at < len(word):
            prefix = "##" if at else ""
            ends = range(min(len(word), at + self._longest), at, -1)
            prefixed = (prefix + word[at:end] for end in ends)
            piece = next((piece for piece in prefixed if piece in self._numbers), None)
            if piece is None or len(word) > _LONGEST_WORD:
                return ["[UNK]"]
            pieces.append(piece)
            at += len(piece) - len(prefix)
        return pieces


def _words(text: str) -> Iterator[str]:
    """The words of a text, lower case and without accents. A punctuation mark is a word of its own."""
    spaced = "".join(_spaced(character) for character in text)
    bare = unicodedata.normalize("NFD", spaced)
    # One by one: Python alone writes a sigma at the end of a word in another way.
    folded = "".join(character.lower() for character in bare if unicodedata.category(character) != "Mn")
    for run in folded.split():
        start = 0
        for at, character in enumerate(run):
            if _is_punctuation(character):
                if start < at:
                    yield run[start:at]
                yield character
                start = at + 1
        if start < len(run):
            yield run[start:]


def _spaced(character: str) -> str:
    """The character, without meaning for control characters, and alone if it is a Chinese one."""
    if character.isspace():
        return " "
    if character in "\0\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
        return ""
    return f" {character} " if any(first <= character <= last for first, last in _CHINESE) else character


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
