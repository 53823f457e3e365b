"""A store with something in it for every screen: a conversation of 1972, and what an agent knows today."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import agentmem
from agentmem import demo
from agentmem.inspect.labels import Label, Labels

FACTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("Alice prefers email over phone, and never before ten.", "/user/alice", "preference", {"topic": "mail"}),
    ("Alice moved from Paris to Rome in May.", "/user/alice", "fact", {"topic": "home"}),
    ("Alice is allergic to peanuts.", "/user/alice", "fact", {"topic": "food"}),
    ("Bob asked for invoices as PDF, one file a month.", "/user/bob", "preference", {"topic": "billing"}),
    ("Bob's team in Oslo reads Norwegian, but writes English.", "/user/bob", "fact", {"topic": "language"}),
    ("The staging database is Postgres 15 on db-7.", "/ops", "fact", {"service": "staging"}),
    ("Deploys are frozen from 20 December to 2 January.", "/ops", "decision", {"year": 2026}),
    ("POL-358: the import stops at a line without a date.", "/ops/tickets", "event", {"ticket": 358}),
    (
        "We chose Rust for the indexer: memory stays flat.",
        "/project/atlas",
        "decision",
        {"year": 2025},
    ),
    ("The indexer reads 40,000 documents a minute.", "/project/atlas", "fact", {"year": 2026}),
    ("Customers want to know why an answer was given.", "/project/atlas", "insight", {}),
    ("The demo for the board is on Friday at noon.", "/project/atlas", "event", {"year": 2026}),
    ("Ask Carol before anything that touches billing.", "/", "rule", {}),
]


def fill(path: Path, *, conversation: bool = True) -> None:
    """Make the store. Its dates are relative to now, so that their ages stay the same."""
    chance = random.Random(7)
    now = datetime.now(timezone.utc)
    with agentmem.open(path, durability="normal") as store:
        if conversation:
            store.add_many(demo.utterances())
        for at, (content, scope, category, metadata) in enumerate(FACTS):
            store.add(
                content,
                id=f"fact-{at}",
                scope=scope,
                categories=[category],
                metadata=metadata,
                importance=round(chance.uniform(0.3, 1), 1),
                created_at=now - timedelta(days=3 * (len(FACTS) - at), hours=at),
            )
        store.add(
            "Alice's door code is 4711.", id="secret", scope="/user/alice", source="concierge", private=True
        )
        store.supersede("fact-1", "Alice lives in Rome, near the old market.")


QUERIES = ["horses", "who pays the bookie", "the mafia and the rackets", "trust", "where does alice live"]
QUERIES += ["indexer memory", "invoices", "staging database", "why were you upset", "crooked races"]


def label(path: Path) -> None:
    """Label the best hits of some queries as a reader would who finds a bit less than the scores promise."""
    chance = random.Random(3)
    with agentmem.open(path) as store:
        labels = Labels(f"{path}-labels.jsonl")
        for query in QUERIES:
            for hit in store.search(query, limit=9):
                relevant = chance.random() < 0.9 * hit.score + 0.04
                labels.add(Label(query, hit.record.id, relevant, hit.score))
