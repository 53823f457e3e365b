"""Turns of a conversation speak for each other.

An answer often shares no word with the question, but the turn before it does.
"""

from __future__ import annotations

from . import words
from .passage import label_end
from .query import Query
from .score import Proof, Ranked
from .statistics import Row
from .tuning import TUNING

LIMIT = TUNING.dialogue


def dialogue(query: str, ranking: list[Ranked], population: list[Row], visible: list[Row]) -> list[Ranked]:
    """Ranks the records of the second stage once more, together with the `visible` records around them.

    The `population` are all records of the query's scope that its viewer may see.

    Each gets a part of its neighbours' order, evidence and support. A speaker that the query names gets more,
    unless all candidates have a speaker that it names.
    """
    contents = {row["seq"]: row["content"] for row in visible}
    candidates = {hit.seq: hit for hit in ranking if hit.second_stage}
    around = {seq for hit in candidates.values() for seq in neighbours(population, hit.seq)}
    strangers = sorted(seq for seq in around if seq in contents and seq not in candidates)
    turns = candidates | {seq: Ranked(seq, 0.0) for seq in strangers}
    greatest = max((turn.order for turn in turns.values()), default=0.0) or 1.0
    named = {seq: names_speaker(query, contents[seq]) for seq in turns}
    found = [named[seq] for seq, turn in turns.items() if turn.order > 0]
    telling = any(found) and not all(found)
    heard = []
    for seq, turn in turns.items():
        before, after = (turns.get(other) for other in neighbours(population, seq))
        own = turn.order / greatest
        order = own
        order += LIMIT.BEFORE * (before.order / greatest if before else 0.0)
        order += LIMIT.AFTER * (after.order / greatest if after else 0.0)
        order *= LIMIT.SPEAKER if telling and named[seq] else 1.0
        around_it = [one for one in (before, after) if one]
        evidence = [turn.proof.evidence, *(LIMIT.EVIDENCE * one.proof.evidence for one in around_it)]
        support = [turn.support, *(LIMIT.EVIDENCE * one.support for one in around_it)]
        proof = Proof(max(evidence), turn.proof.coverage, turn.proof.wording)
        heard.append(Ranked(seq, order, proof, max(support), parts={**turn.parts, "dialogue": order - own}))
    rest = [hit for hit in ranking if not hit.second_stage and hit.seq not in turns]
    return sorted(heard, key=lambda hit: -hit.order) + rest


def neighbours(rows: list[Row], seq: int) -> tuple[int, int]:
    """The records written just before and just after this one in its very scope; 0 for none."""
    scope = next(row["scope"] for row in rows if row["seq"] == seq)
    others = [row["seq"] for row in rows if row["scope"] == scope]
    before = max((other for other in others if other < seq), default=0)
    return before, min((other for other in others if other > seq), default=0)


def names_speaker(query: str, text: str) -> bool:
    """Does the query ask for every term of the text's label?"""
    label = set(words.terms(text[: label_end(text)]))
    return bool(label) and label <= set(Query(query).terms)
