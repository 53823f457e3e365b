"""A process that works on a store: `python worker.py STORE LOG NAME THREADS SECONDS OPTIONS`.

Each thread adds, puts, updates, deletes and imports records of its own, notes it in the log, and looks
whether it finds
what it wrote. With SECONDS 0 it goes on until it is killed.
"""

from __future__ import annotations

import io
import json
import random
import sys
import threading
import time
from pathlib import Path

import agentmem

sys.path.insert(0, str(Path(__file__).parent))
from ledger import Contents, Log


class Thread:
    """One thread's own records."""

    def __init__(self, store: agentmem.MemoryStore, log: Log, name: str) -> None:
        self.store, self.log, self.name = store, log, name
        self.random = random.Random(name)
        self.own: Contents = {}
        self.number = 0

    def run(self, until: float) -> None:
        """Work until the time has come, and tell of anything that goes wrong."""
        try:
            while time.monotonic() < until:
                self.work()
        except BaseException as error:
            self.log.note(self.name, "failed", f"{type(error).__name__}: {error}")
            raise

    def work(self) -> None:
        """One write, noted before and after, and now and then a look at it."""
        self.number += 1
        kinds = [
            self.add,
            self.batch,
            self.update,
            self.put,
            self.delete,
            self.delete_batch,
            self.import_,
            self.turn,
        ]
        (kind,) = self.random.choices(kinds, [4, 4, 4, 2, 2, 1, 1, 2])
        kind()
        if self.number % 3 == 0:
            self.look()

    def noted(self, contents: Contents, write: object, *args: object, **kwargs: object) -> None:
        """Do the write between two lines of the log."""
        self.log.note(self.name, "begin", contents)
        write(*args, **kwargs)  # type: ignore[operator]
        self.log.note(self.name, "done", {})
        self.own.update(contents)

    def fresh(self, many: int = 1) -> dict[str, str]:
        """New ids and contents; the word in front occurs nowhere else."""
        mark = f"{self.name.replace('.', 'x')}n{self.number}"
        return {f"{mark}-{i}": f"{mark}i{i} a common note of {many}" for i in range(many)}

    def alive(self) -> list[str]:
        """Ids of own records that are there."""
        return [id for id, content in self.own.items() if content is not None and "-whole-" not in id]

    def add(self) -> None:
        """One record."""
        ((id, content),) = self.fresh().items()
        self.noted({id: content}, self.store.add, content, id=id, scope=f"/{self.name}")

    def batch(self) -> None:
        """Some at once, all or none."""
        contents = self.fresh(self.random.randint(2, 8))
        records = [self.as_dict(id, content) for id, content in contents.items()]
        self.noted(contents, self.store.add_many, records)

    def as_dict(self, id: str, content: str) -> dict[str, object]:
        """A record of this thread; its batch is in the metadata."""
        return {"id": id, "content": content, "scope": f"/{self.name}", "metadata": {"batch": self.number}}

    def update(self) -> None:
        """One's own record."""
        ids = self.alive()[-20:]
        if ids:
            id, content = self.random.choice(ids), f"{self.name.replace('.', 'x')}n{self.number}i0 updated"
            self.noted({id: content}, self.store.update, id, content=content)

    def put(self) -> None:
        """Replace, or add."""
        id = self.random.choice(self.alive()[-20:] or ["nothing"])
        ((new, content),) = self.fresh().items()
        id = new if id == "nothing" else id
        self.noted({id: content}, self.store.put, content, id=id, scope=f"/{self.name}")

    def turn(self) -> None:
        """A few that are always replaced together: no reader may see two versions of them at once."""
        contents = {f"{self.name}-whole-{i}": f"whole version{self.number}" for i in range(4)}
        records = [
            {**self.as_dict(id, text), "scope": f"/whole/{self.name}"} for id, text in contents.items()
        ]
        self.noted(contents, self.store.put_many, records)

    def delete(self) -> None:
        """Some by id."""
        ids = self.alive()[: self.random.randint(0, 4)]
        self.noted(dict.fromkeys(ids), self.store.delete, ids)

    def delete_batch(self) -> None:
        """What is left of a batch, by filters."""
        left = self.store.list(None, scope=f"/{self.name}")
        batch = self.random.choice([record.metadata.get("batch", 0) for record in left] or [0])
        ids = [record.id for record in left if record.metadata.get("batch") == batch]
        self.noted(dict.fromkeys(ids), self.store.delete, scope=f"/{self.name}", where={"batch": batch})

    def import_(self) -> None:
        """Lines of JSON; so few go in together."""
        contents = self.fresh(3)
        lines = "".join(json.dumps(self.as_dict(id, content)) + "\n" for id, content in contents.items())
        self.noted(contents, self.store.import_, io.BytesIO(lines.encode()))

    def look(self) -> None:
        """What was written is found at once, what was deleted is not, and batches are whole."""
        ids = self.random.sample(list(self.own), min(2, len(self.own)))
        for id, record in zip(ids, self.store.get_many(ids), strict=True):
            assert (record and record.content) == self.own[id], f"{id} is {record}, not {self.own[id]}"
            word = (self.own[id] or "").split(" ")[0]
            hits = self.store.search(word, 5, mode="bm25", scope=f"/{self.name}") if "x" in word else []
            found = [hit.record.id for hit in hits]
            assert "x" not in word or id in found, f"{id} is not found by {word}, only {found}"
            assert all(hit.record.content == self.own[hit.record.id] for hit in hits), f"stale: {hits}"


def main(path: str, log: str, name: str, threads: str, seconds: str, options: str) -> None:
    """Open the store and let the threads work."""
    until = time.monotonic() + float(seconds) if float(seconds) else float("inf")
    store = agentmem.open(path, **json.loads(options))
    with store:
        workers = [Thread(store, Log(log), f"{name}.{number}") for number in range(int(threads))]
        running = [threading.Thread(target=worker.run, args=(until,)) for worker in workers]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
