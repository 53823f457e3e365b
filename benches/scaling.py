"""A model of 1,000 hosts and 10 million spaces in PostgreSQL: what caches hold, and what servers have to do.

    python benches/scaling.py [--costs benches/results/postgres.json] [--json FILE]

It runs for seconds, with the same result each time. What one operation costs is read from what
`postgres.py` has measured on one machine. What is assumed stands below in capitals. The model:

- Requests choose a space by Zipf's law: the one of rank r with a weight of 1 / r^s. The numbers of records of
  the spaces are log-normal.
- Routed by hash, all requests of a space reach one host. Requests come in sessions: so many to one space,
  mixed with those of other sessions. Routed at random, each request reaches any host.
- A host keeps the spaces that it used last, within a number of spaces and a number of bytes, as agentmem
  does. Ten hosts are simulated, among them the one that has the first space, each with all of its requests.
- A search in a kept space costs the server one look at the head row, and the reading of the hits. In another
  space the host loads the records first. Where other hosts have written since, it loads their records. A
  record costs as much as one of a space of 1,000; large spaces come as index files, and cost less.
- The head row of a space orders its adds: so many in a second as 16 writers of one space were measured to do.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

HOSTS = 1_000
SPACES = 10_000_000
RECORDS = 1_000
"""Records of a space, in the mean."""
SPREAD = 1.5
"""The standard deviation of the logarithm of that: the median is 325."""
REQUESTS = 100_000
"""Requests in a second, of all hosts together."""
SESSION = 20
"""Requests to one space in a row."""
AT_ONCE = 50
"""Sessions on a host at the same time."""
KEPT_SPACES, KEPT_BYTES = 1_000, 1 << 30
"""What a host keeps: agentmem's own limits."""
CORES, BUSY = 16, 0.6
"""Cores of a server of PostgreSQL, and the share of their time that is planned."""
WAL = 100e6
"""Bytes of write-ahead log in a second that a server and its standby can keep up with."""
SLOW = 0.5
"""How much of the time a head row may be occupied before its writers notice."""
MIXES = {"read mostly": 0.05, "chat": 0.3, "ingest": 0.7}
"""The share of adds."""
SKEWS = (0.6, 0.8, 1.0)
SAMPLED = 10
DRAWS = 60_000
"""Requests of each simulated host. The first third only fills the cache."""

Found = dict[str, Any]
Routing = Callable[["Spaces", int], Iterator[int]]


class Spaces:
    """How often each space is used, and how many records it has."""

    def __init__(self, skew: float) -> None:
        self.skew = skew
        self.total = sum_of_weights(SPACES, skew)
        sizes = random.Random(1)
        mean = math.log(RECORDS) - SPREAD**2 / 2
        self._sizes = [max(1, round(sizes.lognormvariate(mean, SPREAD))) for _ in range(99_991)]

    def records(self, rank: int) -> int:
        """Of the space of a rank."""
        return self._sizes[rank % len(self._sizes)]

    def share(self, rank: int) -> float:
        """The share of requests that the space of a rank gets."""
        return rank**-self.skew / self.total

    def of_host(self, host: int) -> list[int]:
        """The ranks that a hash gives to a host: one of each thousand. Host 0 has the first of all."""
        chance = random.Random(f"spaces of {host}")
        ranks = [start + chance.randrange(HOSTS) for start in range(1, SPACES, HOSTS)]
        return ranks if host else [1, *ranks[1:]]

    def any(self, chance: random.Random) -> int:
        """A rank by its weight: the inverse of the integral of the weights."""
        even = chance.random()
        if self.skew == 1:
            return int(SPACES**even)
        power = 1 - self.skew
        return int((1 + even * (SPACES**power - 1)) ** (1 / power))


def sum_of_weights(count: int, skew: float) -> float:
    """Of Zipf's law: the first thousand exactly, the others by their integral."""
    exact = min(count, 1000)
    head = sum(rank**-skew for rank in range(1, exact + 1))
    low, high = exact + 0.5, count + 0.5
    if skew == 1:
        return head + math.log(high / low)
    return head + (high ** (1 - skew) - low ** (1 - skew)) / (1 - skew)


def by_hash(spaces: Spaces, host: int) -> Iterator[int]:
    """The spaces that the requests to one host ask for, in their order."""
    chance = random.Random(f"sessions of {host}")
    own = spaces.of_host(host)
    cumulated = list(accumulate(spaces.share(rank) for rank in own))
    new = iter(chance.choices(own, cum_weights=cumulated, k=DRAWS // SESSION + 2 * AT_ONCE))
    sessions = [[next(new), chance.randrange(1, SESSION + 1)] for _ in range(AT_ONCE)]
    for _ in range(DRAWS):
        session = sessions[int(chance.random() * AT_ONCE)]
        yield session[0]
        session[1] -= 1
        if not session[1]:
            session[:] = [next(new), SESSION]


def at_random(spaces: Spaces, host: int) -> Iterator[int]:
    """The same, if a request may reach any host: hardly two of a session meet."""
    chance = random.Random(f"requests to {host}")
    return (spaces.any(chance) for _ in range(DRAWS))


ROUTINGS: dict[str, Routing] = {"hash": by_hash, "random": at_random}


class Cache:
    """The spaces that a host keeps: those used last."""

    def __init__(self, record_bytes: float) -> None:
        self._record_bytes, self._bytes = record_bytes, 0.0
        self._kept: OrderedDict[int, float] = OrderedDict()

    def use(self, space: int, records: int) -> bool:
        """Whether it was kept. Now it is."""
        if space in self._kept:
            self._kept.move_to_end(space)
            return True
        size = records * self._record_bytes
        self._kept[space] = size
        self._bytes += size
        while len(self._kept) > KEPT_SPACES or (self._bytes > KEPT_BYTES and len(self._kept) > 1):
            self._bytes -= self._kept.popitem(last=False)[1]
        return False


def simulate(spaces: Spaces, routing: Routing, adds: float, costs: Found) -> Found:
    """What share of the searches finds its space kept, and how many records a search loads, in the mean."""
    kept = loaded = searches = 0
    for host in range(SAMPLED):
        cache, chance = Cache(costs["bytes a record"]), random.Random(f"adds of {host}")
        for number, space in enumerate(routing(spaces, host)):
            if chance.random() < adds:  # an add needs no index
                continue
            records = spaces.records(space)
            found = cache.use(space, records)
            if number >= DRAWS // 3:
                searches += 1
                kept += found
                loaded += 0 if found else records
    return {"kept": kept / searches, "loaded": loaded / searches}


def servers(adds: float, loaded: float, costs: Found) -> Found:
    """The servers that are needed if the share `adds` are adds, and a search loads so many records."""
    searches, added = REQUESTS * (1 - adds), REQUESTS * adds
    cores = (searches * (costs["search"] + loaded * costs["load"]) + added * costs["add"]) / 1000
    log = added * costs["wal"]
    most = max(cores / (CORES * BUSY), log / WAL)
    return {"cores": cores, "log": log / 1e6, "servers": math.ceil(most)}


def head_rows(spaces: Spaces, adds: float, costs: Found) -> Found:
    """How much of the time the head rows are occupied, and how many spaces that is too much for."""
    most = costs["adds to one space"]
    rates = (REQUESTS * adds * spaces.share(rank) for rank in range(1, 100_000))
    busy = [rate / most for rate in rates]
    return {"first": busy[0], "slow": sum(share > SLOW for share in busy)}


def host_shares(spaces: Spaces) -> float:
    """How many times the mean the host with most to do has, if spaces are routed by hash."""
    chance = random.Random(3)
    exact = 200_000
    load = [(1 - sum_of_weights(exact, spaces.skew) / spaces.total) / HOSTS] * HOSTS
    for rank in range(1, exact + 1):
        load[chance.randrange(HOSTS)] += spaces.share(rank)
    return max(load) * HOSTS


def read_costs(measured: Found) -> Found:
    """What the model takes from the measurements; times in milliseconds of the server's processors."""
    costs, one = measured["costs"], measured["costs"]["cold space of 1,000"]
    return {
        "search": costs["search"]["server"],
        "load": max(0.0, one["server"] - costs["search"]["server"]) / 1000,
        "add": costs["add"]["server"],
        "wal": measured["writes"]["wal"],
        "adds to one space": measured["writes"]["one space, 16"],
        "bytes a record": measured["memory"]["scopes of 1,000"],
        "disk a record": measured["disk"]["agentmem"],
    }


def one(spaces: Spaces, routing: Routing, adds: float, costs: Found) -> Found:
    """One routing and one mix."""
    found = simulate(spaces, routing, adds, costs)
    # Between two searches of a kept space on one host, the other hosts search it too, and add to it.
    others = HOSTS - 1 if routing is at_random else 0
    behind = found["kept"] * others * adds / (1 - adds)
    return {**found, "behind": behind, **servers(adds, found["loaded"] + behind, costs)}


def run(measured: Found) -> Found:
    """All skews, routings and mixes."""
    costs = read_costs(measured)
    results: Found = {"costs": costs, "bytes": SPACES * RECORDS * costs["disk a record"], "skews": {}}
    for skew in SKEWS:
        spaces = Spaces(skew)
        found: Found = {"busiest host": host_shares(spaces)}
        for mix, adds in MIXES.items():
            routings = {name: one(spaces, routing, adds, costs) for name, routing in ROUTINGS.items()}
            found[mix] = {**routings, "head rows": head_rows(spaces, adds, costs)}
        results["skews"][str(skew)] = found
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent / "results"
    parser.add_argument("--costs", type=Path, default=here / "postgres.json")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = run(json.loads(options.costs.read_text(encoding="utf-8")))
    print(json.dumps(results, indent=1))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
