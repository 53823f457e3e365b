"""`LocalEmbedder`: what its cosines mean, and that they never change."""

import copy
import math
import subprocess
import sys

import pytest
from crewai.memory.types import embed_text, embed_texts

from agentmem.crewai import LocalEmbedder, with_text
from agentmem.crewai.embedder import cosine, text_of

NEAR = [
    ("The user prefers dark mode.", "the user prefers dark mode"),
    ("The user prefers dark mode.", "User prefers  DARK mode!"),
    ("Deploys happen on Tuesdays at 10:00", "Deploys happen on Tuesdays, at 10:00."),
    ("The invoice was paid in March", "The invoices was paid in March"),
]
DIFFERENT = [
    ("The port is 5432", "The port is 5433"),
    ("Alice manages Bob", "Bob manages Alice"),
    ("Alice works for Bob", "Alice works with Bob"),
    ("The user likes tea", "The user does not like tea"),
    (
        "The deploy of the payment service to production failed on Monday with error 17",
        "The deploy of the payment service to production failed on Monday with error 18",
    ),
]
PARAPHRASES = [
    ("The user prefers dark mode", "The user likes a dark theme"),
    ("Alice prefers email over phone", "It is better to write to Alice than to call her"),
    ("The meeting was moved to Thursday", "Our appointment now takes place on Thursday"),
]
UNRELATED = [
    ("The quarterly sales fell by 3 percent in Europe", "Cats sleep most of the day on warm windows"),
    ("The database runs on port 5432", "Penguins huddle through polar winters"),
    ("Отчёт готов в пятницу", "Кошки спят весь день"),
    ("会議は木曜日に移動しました", "猫は一日中寝ています"),
]


def alike(a, b):
    return cosine(*LocalEmbedder()([a, b]))


@pytest.mark.parametrize(("a", "b"), NEAR)
def test_near_duplicates(a, b):
    assert alike(a, b) >= 0.98


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_what_looks_alike_but_says_something_else_is_no_duplicate(a, b):
    assert alike(a, b) < 0.98


@pytest.mark.parametrize(("a", "b"), PARAPHRASES)
def test_paraphrases(a, b):
    assert alike(a, b) < 0.85


@pytest.mark.parametrize(("a", "b"), UNRELATED)
def test_unrelated_texts(a, b):
    assert abs(alike(a, b)) < 0.2


@pytest.mark.parametrize("text", ["x", "!!!", "🙂🙂", " ", "", "\0", "\ud800", "a" * 100_000, "the", "日本"])
def test_any_text_has_a_vector_of_unit_length(text):
    (vector,) = LocalEmbedder()([text])
    assert len(vector) == 384
    assert all(isinstance(x, float) for x in vector)
    assert math.fsum(x * x for x in vector) == pytest.approx(1)


def test_vectors_are_the_same_in_every_process():
    program = "from agentmem.crewai import LocalEmbedder; print(LocalEmbedder()(['Same everywhere, 42'])[0])"
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, **_paths()},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {f"{LocalEmbedder()(['Same everywhere, 42'])[0]}\n"}


def _paths():
    import os

    return {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}


def test_dimensions_can_be_chosen():
    assert len(LocalEmbedder(dims=64)(["x"])[0]) == 64
    with pytest.raises(ValueError, match="dims"):
        LocalEmbedder(dims=0)


def test_it_fits_crewais_helpers():
    embedder = LocalEmbedder()
    assert embed_text(embedder, "x") == embedder.vector("x")
    assert embed_texts(embedder, ["x", "", "y"]) == [embedder.vector("x"), [], embedder.vector("y")]
    assert embedder([]) == []


def test_the_text_behind_a_vector_is_known_to_its_process():
    vector = LocalEmbedder()(["who knows"])[0]
    assert text_of(vector).text == "who knows"
    assert text_of([x + 0.25 for x in vector]) is None
    assert text_of(LocalEmbedder().vector("never embedded")) is None


def test_only_so_many_texts_are_remembered():
    embedder = LocalEmbedder(dims=64)
    first, *_ = embedder([f"text number {n}" for n in range(5000)])
    assert text_of(first) is None


def test_with_text_passes_everything_on():
    class Client:
        def __deepcopy__(self, memo):
            raise TypeError

        def __call__(self, texts):
            return [(float(len(text)), 1.0) for text in texts]

    embedder = with_text(Client())
    assert embedder(["abc"]) == [(3.0, 1.0)]
    assert text_of([3.0, 1.0]).text == "abc"
    assert copy.deepcopy(embedder) is embedder
