"""Embeddings without a key, a download or a model, and the texts behind recent vectors.

CrewAI gives a storage the vector of a query but not its text. The embedder and the storage run in one
process, and CrewAI embeds a query right before it searches. So the embedders of this module remember the text
behind each vector, and `UnifiedStorage` looks it up with `text_of` to search by text.
"""

from __future__ import annotations

import functools
import math
import re
import threading
import unicodedata
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple

import agentmem
from agentmem._adapters import clean

_MOST_TEXTS = 4096

_ARTICLE = 0.05  # the weight of an article
# Function words have little weight. "not", "no" and "never" are not among them: they change the meaning.
_ARTICLES = "a an the"
_FUNCTION_WORDS = (
    "about after all also am and any are as at be because been before being between both but by can could "
    "did do does doing for from had has have having he her here him his how i if in into is it its just "
    "me more most my of on or other our own she should so some such than that their them then there these "
    "they this those to too us very was we were what when where which while who whom why will with would "
    "you your"
)


# A number with its sign, which the analyzer drops.
_SIGNED = re.compile(r"(?<!\w)-\d+")
# The share of a vector that depends on the exact sequence of words. Because of it, two long texts that differ
# in one word have a cosine below 0.98, from which on CrewAI treats texts as repetitions.
_EXACT = 0.06


class Embedded(NamedTuple):
    """The text behind a vector."""

    text: str
    local: bool
    """True if `LocalEmbedder` made the vector, False if an embedder in `with_text` did."""


class _Texts:
    """The texts behind the most recent vectors of this process."""

    def __init__(self) -> None:
        self._texts: OrderedDict[bytes, Embedded] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, vector: Sequence[float], embedded: Embedded) -> None:
        key = _key(vector)
        with self._lock:
            self._texts[key] = embedded
            self._texts.move_to_end(key)
            if len(self._texts) > _MOST_TEXTS:
                self._texts.popitem(last=False)

    def get(self, vector: Sequence[float]) -> Embedded | None:
        key = _key(vector)
        with self._lock:
            if key in self._texts:
                self._texts.move_to_end(key)
            return self._texts.get(key)


_texts = _Texts()


def text_of(vector: Sequence[float]) -> Embedded | None:
    """The text behind `vector`, if an embedder of this module made it recently in this process."""
    return _texts.get(vector)


class LocalEmbedder:
    """Embeds texts by hashing their words and pairs of neighbouring words into `dims` numbers.

    The vectors have unit length and depend only on the text. Texts that differ in case, punctuation, articles
    or word endings have a cosine of at least 0.98. Texts that differ in a word, a symbol, a negation or the
    order of words have less, however long they are. Texts without common words are near 0. The embedder knows
    no synonyms, so `UnifiedStorage` recalls by the text behind the vector.
    """

    def __init__(self, dims: int = 384) -> None:
        """Make an embedder. With 384 dimensions, the cosine of unrelated texts is about 0.05."""
        if dims < 8:
            raise ValueError(f"dims is {dims}; an embedding needs at least 8 dimensions")
        self.dims = dims

    def __call__(self, input: str | Iterable[str]) -> list[list[float]]:
        """Return the vector of each text, and remember the text."""
        texts = [input] if isinstance(input, str) else list(input)
        vectors = [self.vector(text) for text in texts]
        for text, vector in zip(texts, vectors, strict=True):
            _texts.keep(vector, Embedded(text, local=True))
        return vectors

    def vector(self, text: str) -> list[float]:
        """Return the vector of one text, without remembering the text."""
        text = clean(text)
        terms = agentmem.analyze(text)
        words = self._hashed(_features(text, terms))
        whole = self._hashed({f"{part} {' '.join(_words(text, terms))}": 1.0 for part in range(4)})
        mixed = (math.sqrt(1 - _EXACT) * x + math.sqrt(_EXACT) * y for x, y in zip(words, whole, strict=True))
        # Rounded to float32, so that a vector is the same before and after it was stored.
        return list(array("f", _unit(list(mixed))))

    def _hashed(self, features: dict[str, float]) -> list[float]:
        """A vector of unit length: the hash of each feature chooses a component and a sign for its weight."""
        sums = [0.0] * self.dims
        for feature, weight in features.items():
            number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "big")
            sums[(number >> 1) % self.dims] += weight if number & 1 else -weight
        return _unit(sums)

    def __repr__(self) -> str:
        """Show the call that makes an equal embedder."""
        return f"LocalEmbedder(dims={self.dims})"


def with_text(embedder: Callable[[list[str]], Any]) -> Callable[[list[str]], Any]:
    """Wrap `embedder` so that its texts are remembered: `UnifiedStorage` then searches by vector and by text.

    >>> from agentmem.crewai import UnifiedStorage, with_text
    >>> memory = Memory(storage=UnifiedStorage("crew.db"), embedder=with_text(my_embedder))
    """
    return _WithText(embedder)


class _WithText:
    def __init__(self, embedder: Callable[[list[str]], Any]) -> None:
        self.embedder = embedder

    def __call__(self, input: str | Iterable[str]) -> Any:
        texts = [input] if isinstance(input, str) else list(input)
        vectors = self.embedder(texts)
        for text, vector in zip(texts, vectors, strict=False):
            _texts.keep(vector, Embedded(text, local=False))
        return vectors

    def __deepcopy__(self, memo: dict[int, Any]) -> _WithText:
        # An embedder may have a client that cannot be copied.
        return self


def words_of(text: str) -> list[str]:
    """The words of a text. Texts that differ only in case, endings, punctuation or articles have the same."""
    text = clean(text)
    return _words(text, agentmem.analyze(text))


def _words(text: str, terms: list[str]) -> list[str]:
    terms = [term for term in terms if _light_words().get(term) != _ARTICLE]
    symbols = [c for c in text if c in "#%&@*/" or unicodedata.category(c).startswith("S")]
    return terms + _SIGNED.findall(text) + symbols or text.split()


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """The cosine of two vectors with the same number of components; 0 if one has length 0."""
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    lengths = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return dot / lengths if lengths else 0.0


def _unit(sums: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in sums))
    return [x / length for x in sums] if length else [1.0, *[0.0] * (len(sums) - 1)]


def _key(vector: Sequence[float]) -> bytes:
    return blake2b(array("f", vector).tobytes(), digest_size=16).digest()


@functools.cache
def _light_words() -> dict[str, float]:
    weights = dict.fromkeys(agentmem.analyze(_FUNCTION_WORDS), 0.35)
    return weights | dict.fromkeys(agentmem.analyze(_ARTICLES), _ARTICLE)


def _features(text: str, terms: list[str]) -> dict[str, float]:
    light = _light_words()
    features = {
        term: light.get(term, 2.0 if any(map(str.isdigit, term)) else 1.0) * (1 + math.log(count))
        for term, count in Counter(terms).items()
    }
    heavy = [term for term in terms if term not in light]
    pairs = Counter(f"{first} {second}" for first, second in pairwise(heavy))
    features.update({pair: 0.5 * (1 + math.log(count)) for pair, count in pairs.items()})
    if not features:
        # The text has only punctuation or emoji.
        features = dict.fromkeys(unicodedata.normalize("NFKC", text).split(), 1.0)
    return features


def is_local(vector: Sequence[float] | None) -> bool:
    """Whether there is no vector, or one of `LocalEmbedder`."""
    if vector is None or not len(vector):
        return True
    embedded = text_of(vector)
    return embedded is not None and embedded.local
