"""How long the first page of the inspector takes on a large store: `python benches/inspector.py`.

It builds a store of a million records, which takes a minute or two, and opens it in a new process as
`agentmem inspect` does. `--path` names a store that is there.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import agentmem

PAGES = ["/", "/search?q=meeting+about+billing", "/browse", "/browse?scope=/user/u7", "/live", "/health"]
ROUNDS = 5


def build(path: Path, records: int) -> None:
    """Sentences of words with the frequencies of a language (Zipf), in 2,000 scopes."""
    chance = random.Random(1)
    words = ["meeting", "about", "billing", *(f"word{n}" for n in range(30_000))]
    weights = [1 / (n + 1) for n in range(len(words))]
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    with agentmem.open(path, durability="normal") as store:
        for _ in range(0, records, 10_000):
            store.add_many(
                {
                    "content": " ".join(chance.choices(words, weights, k=12)),
                    "scope": f"/user/u{chance.randrange(500)}/s{chance.randrange(4)}",
                    "categories": [chance.choice(["fact", "preference", "event", "task"])],
                    "created_at": start + timedelta(seconds=chance.randrange(60_000_000)),
                }
                for _ in range(10_000)
            )


def measure(path: Path) -> None:
    """Print the milliseconds of each page: the first time in a new process, and the median of the next."""
    command = [sys.executable, "-m", "agentmem", "inspect", "--no-open", "--path", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.match(r"(http://[^/]+)(/open\S+)", process.stdout.readline())
        assert found is not None
        browser = build_opener(HTTPCookieProcessor())

        def milliseconds(page: str) -> float:
            start = time.perf_counter()
            browser.open(found[1] + page).read()
            return 1000 * (time.perf_counter() - start)

        try:
            print(f"{'first page':40} {milliseconds(found[2]):8.1f} ms")
            for page in PAGES:
                first, *more = (milliseconds(page) for _ in range(ROUNDS))
                print(f"{page:40} {first:8.1f} ms, then {statistics.median(more):6.1f} ms")
        finally:
            process.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    options = parser.parse_args()
    if options.path:
        measure(options.path)
    else:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder) / "large.db", options.records)
            measure(Path(folder) / "large.db")
