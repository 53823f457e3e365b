"""The fuzzer of the Python surface over the inputs that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.surface import one_input

CORPUS = sorted((Path(__file__).parent / "fuzz" / "corpus" / "surface").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_a_kept_input_passes(path: Path) -> None:
    """It returns or raises what is promised, and the store stays sound."""
    one_input(path.read_bytes())
