"""A process whose disk will lose power: `python power_worker.py STORE LOG NAME THREADS STEPS OPTIONS`.

It opens the store a few times, and works on it as `worker.py` does, for so many steps a thread.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import agentmem

sys.path.insert(0, str(Path(__file__).parent))
from ledger import Log
from worker import Thread

LIVES = 3
MANY = 4200
"""So many records that closing writes the index to a file."""


def main(path: str, log: str, name: str, threads: str, steps: str, options: str) -> None:
    """Open, work, close, and again."""
    notes = Log(log)
    for life in range(LIVES):
        with agentmem.open(path, **json.loads(options)) as store:
            workers = [Thread(store, notes, f"{name}.{life}.{number}") for number in range(int(threads))]
            if life == 1:
                many(workers[0])
            running = [threading.Thread(target=run, args=(worker, int(steps))) for worker in workers]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()


def run(worker: Thread, steps: int) -> None:
    """So many writes; a failure is noted."""
    try:
        for _ in range(steps):
            worker.work()
    except BaseException as error:
        worker.log.note(worker.name, "failed", f"{type(error).__name__}: {error}")
        raise


def many(worker: Thread) -> None:
    """A large batch, so that the log is moved into the file while it is in use."""
    contents = {f"{worker.name}-many{n}": f"one of many notes {n} " + f"filler{n} " * 8 for n in range(MANY)}
    records = [worker.as_dict(id, content) for id, content in contents.items()]
    worker.noted(contents, worker.store.add_many, records)
    worker.own.clear()


if __name__ == "__main__":
    main(*sys.argv[1:])
