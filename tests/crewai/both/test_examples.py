"""The example of everything that a crew keeps: its first run serves its second."""

from running import run_example


def test_the_first_run_serves_the_second(tmp_path):
    first, second = (run_example("crew_everything.py", tmp_path) for _ in range(2))
    assert "earlier runs: []" in first
    assert "report number 1" in first
    assert "the tool runs" in first
    assert "the memory knows the answer: False" in first
    assert "earlier runs: [('analysts', 'completed')]" in second
    assert "report number 2" in second
    assert "the tool runs" not in second
    assert "the memory knows the answer: True" in second
    assert "the knowledge is in the prompt: True" in first
    assert "the knowledge is in the prompt: True" in second
