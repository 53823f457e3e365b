"""A process that updates records which others update too: `python rival.py STORE LOG NAME THREADS TIMES`."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import defaultdict
from pathlib import Path

import agentmem


def main(path: str, log: str, name: str, threads: str, times: str) -> None:
    """Write to the log the number of each thread's last update of each record."""
    last: dict[str, dict[str, int]] = defaultdict(dict)
    failed: list[BaseException] = []

    def work(by: str) -> None:
        try:
            for number in range(int(times)):
                id = f"shared{random.randrange(3)}"
                changed = store.update(id, content=f"{by}at{number}", metadata={"by": by, "number": number})
                assert changed.metadata == {"by": by, "number": number}
                last[id][by] = number
        except BaseException as error:
            failed.append(error)
            raise

    with agentmem.open(path, durability="normal") as store:
        running = [
            threading.Thread(target=work, args=(f"{name}x{thread}",)) for thread in range(int(threads))
        ]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    Path(log).write_text(json.dumps(last))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main(*sys.argv[1:])
