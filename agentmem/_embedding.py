"""Vectors from the store's embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from agentmem import _core
from agentmem._core import Call
from agentmem.errors import InvalidFilterError, InvalidRecordError
from agentmem.types import Embedder, NamedEmbedder, Progress, Vector

PAGE = 64
"""How many vectors are one transaction of `embed_missing`."""

_PARTS = ("name", "dimension", "embed_documents", "embed_query")


class StoreEmbedder:
    """The embedder of a store, whatever its form. It checks what the embedder returns."""

    def __init__(self, given: Embedder | str) -> None:
        """Take what `agentmem.open` was given.

        Raises TypeError for what is no embedder, ValueError for a name that is not "minilm", and
        ImportError if its packages are not installed.
        """
        self.given = given
        embedder = _by_name(given) if isinstance(given, str) else given
        self._named: NamedEmbedder | None = None
        if all(hasattr(embedder, part) for part in _PARTS):
            self._named = cast("NamedEmbedder", embedder)
        elif callable(embedder):
            self._function = embedder
        else:
            raise TypeError(f"embedder must be a function, or have {', '.join(_PARTS)}; not {embedder!r}")

    @property
    def name(self) -> str | None:
        """The embedder's name; None for a function."""
        name: Any = None if self._named is None else self._named.name
        if self._named is not None and not (isinstance(name, str) and name):
            raise TypeError(f"the name of an embedder must be text, not {name!r}")
        return cast("str | None", name)

    def documents(self, texts: list[str]) -> list[Vector | None]:
        """A vector for each text that is stored, or None."""
        if not texts:
            return []
        embed = self._function if self._named is None else self._named.embed_documents
        return self._checked(list(embed(texts)), len(texts))

    def queries(self, queries: Sequence[str]) -> list[Vector | None]:
        """A vector for what each query asks, or None."""
        asked = [_core.asked(query) for query in queries]
        if self._named is None:
            return self.documents(asked)
        return self._checked([self._named.embed_query(text) for text in asked], len(asked))

    def _checked(self, made: list[Vector | None], wanted: int) -> list[Vector | None]:
        """The vectors. Raises InvalidRecordError if they are too many, too few, too long or too short."""
        if len(made) != wanted:
            raise InvalidRecordError(f"the embedder returned {len(made)} vectors for {wanted} texts")
        if self._named is not None:
            expected = self._named.dimension
            for vector in made:
                found = expected if vector is None else len(cast("Sequence[float]", vector))
                if found != expected:
                    raise InvalidRecordError(
                        f"the embedder {self.name!r} returned a vector of {found} dimensions, not {expected}"
                    )
        return made


def _by_name(name: str) -> NamedEmbedder:
    if name != "minilm":
        raise ValueError(f'embedder is {name!r}; the only embedder with a name is "minilm"')
    from agentmem.semantic import MiniLM

    return MiniLM()


def embed(embedder: StoreEmbedder, calls: Sequence[Call]) -> None:
    """Give the calls the vectors of their new texts. The embedder is called once for all of them."""
    texts = [call.texts for call in calls]
    made = iter(embedder.documents([text for part in texts for text in part]))
    name = embedder.name
    for call, part in zip(calls, texts, strict=True):
        call.embed([next(made) for _ in part], name)


def embed_missing(
    store: _core.Store,
    embedder: StoreEmbedder,
    limit: int | None,
    progress: Progress | None,
    scope: str | None,
) -> int:
    """See `MemoryStore.embed_missing`."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise InvalidFilterError(f"invalid filter: limit must be a whole number of 0 or more, not {limit!r}")
    total = store.count_without_vector(scope)
    done = embedded = last = 0
    while page := store.without_vector(last, PAGE if limit is None else min(PAGE, limit - embedded), scope):
        last = page[-1][0]
        page_texts = [(seq, text) for seq, text in page if text.strip()]
        vectors = embedder.documents([text for _, text in page_texts])
        made = [
            (seq, vector) for (seq, _), vector in zip(page_texts, vectors, strict=True) if vector is not None
        ]
        embedded += store.embed(made, embedder.name, scope)
        done += len(page)
        if progress is not None:
            # Others may have added records meanwhile.
            progress(done, max(done, total))
    return embedded
