"""Natural-looking records and questions, the same every time.

Words follow Zipf's law, as in English: function words are two fifths of a text, the others are made of
syllables, and the commoner a word the shorter. A record has 10 to 60 words in sentences, belongs to one of
many users (about 100 records each), and has labels, metadata and a date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import numpy

_SMALL = """
the of and to a in that it is was for on with as be at by this had not are but from or have an they which
one were all there been their has will would her his its who them so out up about into than then some could
these
"""
SMALL = numpy.array(_SMALL.split(), dtype=object)
"""Function words, the commonest first."""
SYLLABLES = [first + second for first, second in product("bcdfghlmnprstvw", "aeiou")]
ENDINGS = ("", "", "", "n", "r", "st", "ck", "l", "m", "nd")
LABELS = ("preference", "decision", "fact", "event", "contact", "plan", "person", "place")
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
PER_USER = 100
VOCABULARY = 100_000

BATCH = 1_000
"""How many records are written at a time."""


class Writer:
    """Writes records and questions."""

    def __init__(self) -> None:
        self.words = numpy.array(_vocabulary(), dtype=object)
        shares = 1 / numpy.arange(1, VOCABULARY + 1)
        self.shares = numpy.cumsum(shares / shares.sum())

    def records(self, count: int) -> Iterator[dict[str, Any]]:
        """Write `count` records. The first ones are the same for any count but for their users."""
        for start in range(0, count, BATCH):
            random = numpy.random.default_rng([439, start])
            texts = self._texts(random, random.integers(10, 61, BATCH))
            users = random.random(BATCH) * max(count // PER_USER, 1)
            traits = random.integers(0, (700, 100, len(LABELS), len(LABELS)), (BATCH, 4))
            for place in range(min(BATCH, count - start)):
                yield _record(start + place, texts[place], int(users[place]), *traits[place].tolist())

    def _texts(self, random: numpy.random.Generator, lengths: numpy.ndarray) -> list[str]:
        total = int(lengths.sum())
        words = self.words[self._ranks(random, total)]
        small = random.random(total) < 0.4
        words[small] = SMALL[(len(SMALL) ** random.random(int(small.sum()))).astype(int) - 1]
        sizes = random.integers(8, 16, len(lengths)).tolist()
        ends = numpy.cumsum(lengths).tolist()
        starts = [0, *ends]
        return [
            _sentences(words[start:end].tolist(), size)
            for start, end, size in zip(starts, ends, sizes, strict=False)
        ]

    def _ranks(self, random: numpy.random.Generator, count: int) -> numpy.ndarray:
        return numpy.searchsorted(self.shares, random.random(count))

    def questions(self, terms: int, count: int) -> list[str]:
        """Ask `count` questions of so many different words, none of them a function word."""
        random = numpy.random.default_rng([1972, terms])
        asked = []
        for _ in range(count):
            words: dict[str, None] = {}
            while len(words) < terms:
                words[self.words[self._ranks(random, 1)[0]]] = None
            asked.append(" ".join(words))
        return asked

    def rare_questions(self, records: list[dict[str, Any]], count: int) -> list[str]:
        """Ask for the three rarest words of `count` records, none of them short."""
        ranks = {word: rank for rank, word in enumerate(self.words)}
        long = [record["content"] for record in records if len(record["content"]) > 150]
        asked = []
        for text in long[:: max(len(long) // count, 1)][:count]:
            words = {word for word in text.lower().replace(".", "").split() if word in ranks}
            asked.append(" ".join(sorted(words, key=lambda word: (ranks[word], word))[-3:]))
        return asked


def _record(place: int, text: str, user: int, day: int, session: int, *labels: int) -> dict[str, Any]:
    return {
        "content": text,
        "scope": f"/user/{user}",
        "categories": sorted({LABELS[label] for label in labels}),
        "metadata": {"session": session, "turn": place},
        "created_at": START + timedelta(days=day, seconds=place % 86_400),
    }


def _sentences(words: list[str], size: int) -> str:
    parts = (words[at : at + size] for at in range(0, len(words), size))
    return " ".join(" ".join(part).capitalize() + "." for part in parts)


def _vocabulary() -> list[str]:
    """Make up words, short ones first."""
    words: dict[str, None] = {}
    taken = set(SMALL)
    random = numpy.random.default_rng(7)
    while len(words) < VOCABULARY:
        syllables = 2 if len(words) < 3_000 else 3 + len(words) // 8_000 % 2
        parts = [SYLLABLES[place] for place in random.integers(0, len(SYLLABLES), syllables)]
        word = "".join(parts) + ENDINGS[random.integers(0, len(ENDINGS))]
        if word not in taken:
            words[word] = None
    return list(words)
