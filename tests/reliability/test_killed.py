"""Writers and readers are killed at random moments. What was acknowledged is there, nothing is there by
half.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from reliability.crew import Crew

import agentmem

WRITERS, THREADS, READERS = 4, 2, 2


def test_killed_at_random_moments(
    tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """Some are killed while the others go on and a new one opens the file, then all at once."""
    crew = Crew(tmp_path, figures)
    for _ in rounds(22, share=0.4):
        for _ in range(WRITERS):
            crew.start_writer(THREADS)
        readers = [crew.start_reader() for _ in range(READERS)]
        for _ in range(3):
            time.sleep(random.uniform(0.05, 0.8))
            writers = [process for process in crew.running if process not in readers]
            crew.kill(random.choice(writers))
            crew.start_writer(THREADS)
        time.sleep(random.uniform(0.0, 0.8))
        for process in random.sample(crew.running, len(crew.running)):
            crew.kill(process)
        crew.check()
    assert crew.ledger.acknowledged > 100


def test_killed_while_the_index_is_written(
    tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """A full tail goes to a file in the background; whatever is left of that, the index is right at the
    next opening.
    """
    crew = Crew(tmp_path, figures)
    texts = [f"common note{number} of group{number % 50}" for number in range(33_000)]
    with agentmem.open(crew.store, index="disk", durability="normal") as store:
        ids = store.add_many(texts)
    crew.ledger.contents.update(zip(ids, texts, strict=True))
    for _ in rounds(10, share=0.1):
        writer = crew.start_writer(1)
        while not any(process_maps_index(writer, crew.store)):
            time.sleep(0.002)
            if random.random() < 0.003:
                break  # Sometimes before anything is written.
        time.sleep(random.choice([0, 0.01, 0.1]))
        crew.kill(writer)
        with agentmem.open(crew.store) as store:
            for number in random.sample(range(33_000), 5):
                # Behind it come those whose names begin so.
                hit, *_ = store.search(f"note{number}", 5, mode="bm25")
                assert hit.record.content == texts[number]
            report = store.verify()
            assert report, report.problems
    crew.check()


def process_maps_index(process: subprocess.Popen[bytes], store: Path) -> list[Path]:
    """The files that are in the index folder by now."""
    assert process.poll() is None
    return list(store.with_name(store.name + "-index").glob("*"))
