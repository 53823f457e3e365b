"""The tables of the documentation are those of the benchmarks' results."""

import json
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).parent.parent / "benches"
sys.path.insert(0, str(BENCHES))
import tables  # noqa: E402


@pytest.mark.parametrize("name", tables.PAGES)
def test_a_page_shows_what_was_measured(name: str) -> None:
    page = (BENCHES.parent / "docs" / name).read_text(encoding="utf-8")
    assert "<!-- table:" in page
    assert tables.with_tables(page) == page, "run python benches/tables.py"


@pytest.mark.parametrize(
    "name", ["quality", "quality-sets", "quality-minilm", "speed", "speed-peers", "comparison", "postgres"]
)
def test_results_say_how_they_were_made_and_nothing_of_where(name: str) -> None:
    measured = tables.results(name)
    assert measured["command"].startswith("python benches/")
    assert measured["machine"]
    assert "/tmp/" not in json.dumps(measured)


def test_the_best_is_bold_and_a_star_marks_more_than_chance() -> None:
    ours = {"nDCG@10": 0.5}
    sets = {
        "letters": {
            "queries": 7,
            "systems": {"agentmem hybrid": ours, "peer": {"nDCG@10": 0.25}},
            "against": {"peer": {"p": 0.001}},
        }
    }
    assert tables.metric_table(sets).splitlines()[-1] == "| letters | 7 | **.500** | .250 * |"


def test_an_add_that_was_refused_is_not_one_that_was_lost() -> None:
    refused = {"tried": 100, "returned": 50, "found": 50}
    lost = {"tried": 100, "returned": 100, "found": 99}
    assert tables._kept(refused) == "50/50 (50 refused)"
    assert tables._kept(lost) == "99/100"
