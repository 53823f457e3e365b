"""A process that works on a store: `python worker.py STORE LOG NAME THREADS SECONDS OPTIONS`.

Each thread adds, puts, updates, supersedes, expires, deletes and imports records of its own, keeps a journal,
does some of it in batches, notes it in the log, and looks whether it finds what it wrote. With SECONDS 0 it
goes on until it is killed.
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
from ledger import ENTRY, Contents, Log, entry


class Thread:
    """One thread's own records, in the scope `root` and below."""

    def __init__(self, store: agentmem.MemoryStore, log: Log, name: str, root: str = "") -> None:
        self.store, self.log, self.name = store, log, name
        self.scope, self.whole = f"{root}/{name}", f"{root}/whole/{name}"
        self.random = random.Random(name)
        self.own: Contents = {}
        self.number = 0
        self.journal_name = f"{root}/journals/{name}".removeprefix("/")
        self.journal = store.journal(self.journal_name)
        self.values: list[str] = []
        """What is in the log, oldest first."""

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
            self.add_with_ttl,
            self.supersede,
            self.expire,
            self.transaction,
            self.append,
            self.pop,
            self.put_key,
            self.prune,
        ]
        (kind,) = self.random.choices(kinds, [4, 4, 4, 2, 2, 1, 1, 2, 2, 2, 1, 4, 4, 2, 2, 1])
        kind()
        if self.number % 3 == 0:
            self.look()

    def noted(self, contents: Contents, write: object, *args: object, **kwargs: object) -> object:
        """Do the write between two lines of the log. Return what it returned."""
        self.log.note(self.name, "begin", contents)
        made = write(*args, **kwargs)  # type: ignore[operator]
        numbers = [number for number in (made if isinstance(made, list) else []) if isinstance(number, int)]
        self.log.note(self.name, "done", numbers)
        self.own.update(contents)
        return made

    def fresh(self, many: int = 1) -> dict[str, str]:
        """New ids and contents; the word in front occurs nowhere else."""
        mark = f"{self.name.replace('.', 'x')}n{self.number}"
        return {f"{mark}-{i}": f"{mark}i{i} a common note of {many}" for i in range(many)}

    def alive(self) -> list[str]:
        """Ids of own records that are there."""
        return [
            id
            for id, content in self.own.items()
            if content is not None and "-whole-" not in id and ENTRY not in id
        ]

    def add(self) -> None:
        """One record."""
        ((id, content),) = self.fresh().items()
        self.noted({id: content}, self.store.add, content, id=id, scope=self.scope)

    def batch(self) -> None:
        """Some at once, all or none."""
        contents = self.fresh(self.random.randint(2, 8))
        records = [self.as_dict(id, content) for id, content in contents.items()]
        self.noted(contents, self.store.add_many, records)

    def as_dict(self, id: str, content: str) -> dict[str, object]:
        """A record of this thread; its batch is in the metadata."""
        return {"id": id, "content": content, "scope": self.scope, "metadata": {"batch": self.number}}

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
        self.noted({id: content}, self.store.put, content, id=id, scope=self.scope)

    def turn(self) -> None:
        """A few that are always replaced together: no reader may see two versions of them at once."""
        contents = {f"{self.name}-whole-{i}": f"whole version{self.number}" for i in range(4)}
        records = [{**self.as_dict(id, text), "scope": self.whole} for id, text in contents.items()]
        self.noted(contents, self.store.put_many, records)

    def add_with_ttl(self) -> None:
        """It stays for longer than the test, and must not be lost before its time."""
        ((id, content),) = self.fresh().items()
        self.noted({id: content}, self.store.add, content, id=id, scope=self.scope, ttl=10**6)

    def supersede(self) -> None:
        """One's own record; the old version can be read on."""
        ids = self.alive()[-20:]
        if ids:
            id = self.random.choice(ids)
            old, content = self.own[id], f"{self.name.replace('.', 'x')}n{self.number}i0 superseded"
            self.noted({id: content}, self.store.supersede, id, content)
            assert [record.content for record in self.store.history(id)][-2:] == [old, content]

    def expire(self) -> None:
        """From now on it is gone, and nothing brings it back."""
        ids = self.alive()[: self.random.randint(0, 3)]
        self.noted(dict.fromkeys(ids), self.store.touch, ids, expires_at="2000-01-01")
        self.log.note(self.name, "expired", dict.fromkeys(ids))
        assert self.store.touch(ids, ttl=60) == 0

    def transaction(self) -> None:
        """Records, an entry of the log and two keys at once: all or nothing."""
        contents: Contents = dict(self.fresh(3))
        gone = self.alive()[:1]
        value = f"n{self.number}"
        places = [entry(self.journal_name, key) for key in (value, "one", "two")]
        self.noted(
            {**contents, **dict.fromkeys(gone), **dict.fromkeys(places, value)},
            self.send,
            contents,
            gone,
            value,
        )
        self.values.append(value)

    def send(self, contents: Contents, gone: list[str], value: str) -> list[int]:
        """The batch. Return the numbers of its entries."""
        with self.store.batch() as batch:
            journal = batch.journal(self.journal_name)
            for id, content in contents.items():
                batch.put(content, id=id, scope=self.scope, metadata={"batch": self.number}, if_version=0)
            for id in gone:
                batch.delete(id)
            entries = [journal.append(value), *(journal.put(key, value) for key in ("one", "two"))]
        return [made.value for made in entries]

    def append(self) -> None:
        """Some values, behind those that this thread knows to be there."""
        values = [f"n{self.number}i{i}" for i in range(self.random.randint(1, 3))]
        newest = self.journal.read(last=1)
        assert [one.value for one in newest] == self.values[-1:], f"{newest} is not {self.values[-1:]}"
        last = newest[0].number if newest else 0
        contents: Contents = {entry(self.journal_name, value): value for value in values}
        self.noted(contents, self.journal.extend, values, if_last=last)
        self.values += values

    def pop(self) -> None:
        """The newest."""
        newest = self.values[-1:]
        popped = self.noted({entry(self.journal_name, value): None for value in newest}, self.journal.pop)
        assert ([popped.value] if popped else []) == newest  # type: ignore[attr-defined]
        del self.values[-1:]

    def put_key(self) -> None:
        """One key of the map."""
        key, value = f"key{self.random.randrange(5)}", f"n{self.number}"
        self.noted({entry(self.journal_name, key): value}, lambda: [self.journal.put(key, value)])

    def prune(self) -> None:
        """All but the newest few."""
        gone, kept = self.values[:-5], self.values[-5:]
        contents: Contents = {entry(self.journal_name, value): None for value in gone}
        assert self.noted(contents, self.journal.prune, keep=5) == len(gone)
        self.values = kept

    def delete(self) -> None:
        """Some by id."""
        ids = self.alive()[: self.random.randint(0, 4)]
        self.noted(dict.fromkeys(ids), self.store.delete, ids)

    def delete_batch(self) -> None:
        """What is left of a batch, by filters."""
        left = self.store.list(None, scope=self.scope)
        batch = self.random.choice([record.metadata.get("batch", 0) for record in left] or [0])
        ids = [record.id for record in left if record.metadata.get("batch") == batch]
        self.noted(dict.fromkeys(ids), self.store.delete, scope=self.scope, where={"batch": batch})

    def import_(self) -> None:
        """Lines of JSON; so few go in together."""
        contents = self.fresh(3)
        lines = "".join(json.dumps(self.as_dict(id, content)) + "\n" for id, content in contents.items())
        self.noted(contents, self.store.import_, io.BytesIO(lines.encode()))

    def look(self) -> None:
        """What was written is found at once, what was deleted is not, and batches are whole."""
        assert [one.value for one in self.journal.read()] == self.values
        records = [id for id in self.own if ENTRY not in id]
        ids = self.random.sample(records, min(2, len(records)))
        for id, record in zip(ids, self.store.get_many(ids), strict=True):
            assert (record and record.content) == self.own[id], f"{id} is {record}, not {self.own[id]}"
            word = (self.own[id] or "").split(" ")[0]
            hits = self.store.search(word, 5, mode="bm25", scope=self.scope) if "x" in word else []
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
