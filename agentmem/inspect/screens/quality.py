"""Quality: what the user's own labels say about the scores and the modes of search."""

from __future__ import annotations

from typing import Any, cast

from agentmem import AgentMemError
from agentmem.inspect.calls import call
from agentmem.inspect.failures import failure_of
from agentmem.inspect.labels import Label
from agentmem.inspect.ndcg import Mean, mean, ndcg
from agentmem.inspect.page import Download, Page
from agentmem.inspect.reliability import FEW, Judged, at_threshold, bins, suggested_threshold
from agentmem.inspect.screen import Screen
from agentmem.inspect.visit import Visit
from agentmem.types import Mode

_MODES = ("hybrid", "bm25", "tfidf")
_MOST_QUERIES = 200
_NEWEST = 20


def show(visit: Visit) -> Page:
    """Show the reliability of scores, a threshold, and each mode's quality."""
    labels = visit.inspector.labels.all()
    judged = [Judged(one.score, bool(one.relevant)) for one in labels if one.score is not None]
    threshold = _threshold(visit.query.get("threshold", "0.5"))
    precision, recall = at_threshold(judged, threshold)
    data: dict[str, Any] = {
        "labels": len(labels),
        "few": FEW,
        "file": visit.inspector.labels.path,
        "bins": bins(judged),
        "threshold": threshold,
        "precision": precision,
        "recall": recall,
        "suggested": suggested_threshold(judged),
        "modes": {},
        "failure": None,
        "newest": _newest(visit, labels),
        "call": call(visit.store.path, "search_many", _queries(labels)[-_NEWEST:], viewer=visit.viewer),
    }
    try:
        data["modes"] = _quality(visit, labels)
    except AgentMemError as error:
        data["failure"] = failure_of(error).fields()
    return Page("quality", "Quality", data)


def _newest(visit: Visit, labels: list[Label]) -> list[dict[str, Any]]:
    newest = labels[: -_NEWEST - 1 : -1]
    records = visit.store.get_many([label.id for label in newest], **visit.viewer)
    return [{"label": label, "record": record} for label, record in zip(newest, records, strict=True)]


def _queries(labels: list[Label]) -> list[str]:
    return list(dict.fromkeys(label.query for label in labels))


def _threshold(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.5


def _quality(visit: Visit, labels: list[Label]) -> dict[str, Mean]:
    """nDCG@10 of each mode over the queries with a relevant record."""
    relevant: dict[str, set[str]] = {}
    for label in labels:
        if label.relevant:
            relevant.setdefault(label.query, set()).add(label.id)
    queries = list(relevant)[-_MOST_QUERIES:]
    if not queries:
        return {}
    found: dict[str, Mean] = {}
    for mode in _MODES:
        rankings = visit.store.search_many(queries, mode=cast("Mode", mode), **visit.viewer)
        values = [
            ndcg([hit.record.id for hit in hits], relevant[query])
            for query, hits in zip(queries, rankings, strict=True)
        ]
        found[mode] = mean(values)
    return found


def _numbered(visit: Visit) -> dict[str, list[Label]]:
    grouped: dict[str, list[Label]] = {}
    for label in visit.inspector.labels.all():
        grouped.setdefault(label.query, []).append(label)
    return grouped


def qrels(visit: Visit) -> Download:
    """The labels in the format of TREC: number of the query, 0, id of the record, 1 or 0."""
    lines = [
        f"{number} 0 {label.id} {int(bool(label.relevant))}\n"
        for number, labels in enumerate(_numbered(visit).values(), 1)
        for label in labels
    ]
    return Download("qrels.txt", "".join(lines).encode(), "text/plain; charset=utf-8")


def queries(visit: Visit) -> Download:
    """The queries of the labels: number, tab, text in one line."""
    lines = [f"{number}\t{' '.join(query.split())}\n" for number, query in enumerate(_numbered(visit), 1)]
    return Download("queries.tsv", "".join(lines).encode(), "text/tab-separated-values; charset=utf-8")


SCREENS = [
    Screen("/quality", show),
    Screen("/quality/qrels", qrels),
    Screen("/quality/queries", queries),
]
