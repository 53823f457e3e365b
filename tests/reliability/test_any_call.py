"""Random calls of the Python surface, from mutations of the inputs that the fuzzer keeps."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzz.surface import one_input

CORPUS = [path.read_bytes() for path in (Path(__file__).parents[1] / "fuzz" / "corpus" / "surface").iterdir()]


def test_any_call_keeps_its_promises(figures: Counter[str], rounds: Callable[..., Iterator[int]]) -> None:
    """`nox -s fuzz` looks for inputs with more cunning."""
    for _ in rounds(300, share=0.05):
        data = bytearray(random.choice(CORPUS) + random.choice(CORPUS))
        for _ in range(random.choice([1, 4, 64])):
            data[random.randrange(len(data))] = random.randrange(256)
        figures["fuzzed inputs of the Python surface"] += 1
        one_input(bytes(data))
