"""A process that reads what others write: `python reader.py STORE LOG SECONDS`. It must never see half of a
write.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import agentmem

sys.path.insert(0, str(Path(__file__).parent))
from ledger import Log


def main(path: str, log: str, seconds: str) -> None:
    """Read until the time has come, or until killed."""
    until = time.monotonic() + float(seconds) if float(seconds) else float("inf")
    try:
        with agentmem.open(path) as store:
            while time.monotonic() < until:
                look(store)
                time.sleep(0.01)
    except BaseException as error:
        Log(log).note("reader", "failed", f"{type(error).__name__}: {error}")
        raise


def look(store: agentmem.MemoryStore, root: str = "") -> None:
    """The four records of each scope in "/whole", below `root`, are always replaced together; so are two
    keys of each journal, with an entry of its log.
    """
    names = store.journals(f"{root}/journals/".removeprefix("/"))
    for name in random.sample(names, min(10, len(names))):
        pair = store.journal(name).get_many(["one", "two"])
        values = {entry.value for entry in pair.values()}
        assert len(pair) in (0, 2), f"{name} shows {len(pair)} of 2 keys"
        assert len(values) <= 1, f"{name} shows {values} at once"
        numbers = [entry.number for entry in store.journal(name).read()]
        assert numbers == sorted(set(numbers)), f"{name} is out of order: {numbers}"
    scopes = store.scopes(f"{root}/whole")
    for scope in random.sample(scopes, min(10, len(scopes))):
        reads = {
            "list": store.list(None, scope=scope),
            "hybrid": [hit.record for hit in store.search("whole", 10, scope=scope)],
            "bm25": [hit.record for hit in store.search("whole", 10, mode="bm25", scope=scope)],
        }
        for way, records in reads.items():
            versions = {record.content for record in records}
            assert len(versions) == 1, f"{way} in {scope} shows {sorted(versions)} at once"
            assert len(records) == 4, f"{way} in {scope} shows {len(records)} of 4 records"


if __name__ == "__main__":
    main(*sys.argv[1:])
