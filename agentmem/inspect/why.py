"""Why a record is a hit of a search, or is none, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from agentmem import Explanation, Record
from agentmem._matching_words import terms_of
from agentmem.inspect.search_form import SearchForm
from agentmem.inspect.visit import Visit

SIGNALS = {
    "terms": "words",
    "grams": "pieces of words",
    "rare_grams": "rare pieces of words",
    "lead": "words that come early",
    "pairs": "words side by side",
    "label": "name at the beginning",
    "feedback": "likeness to the best hits",
}
"""The parts of the hybrid ranking. Hits are sorted by their sum."""

_MOST_LACKING = 20
"""Of a long query, a record lacks most words, and nobody reads them."""


@dataclass(frozen=True)
class Why:
    """An explanation with the record, and the parts of its rank if it is a hit."""

    record: Record
    explanation: Explanation
    signals: list[tuple[str, float]]
    """What the record is sorted by, part by part, greatest first."""
    numbers: dict[str, float]
    """All raw numbers of the hit; with weights, also its recency and importance."""
    lacking: dict[str, bool]
    """The words of the query that the record lacks in any form, and whether another record has them."""


def why(visit: Visit, form: SearchForm, id: str) -> Why:
    """Explain a record. Raises RecordNotFoundError if it is not shown."""
    record = visit.record(id)
    arguments = {**form.arguments(), **visit.viewer}
    explanation = visit.store.explain(form.q, id, **arguments)
    numbers: dict[str, float] = {}
    if explanation.hit:
        hits = visit.store.search(form.q, **arguments)
        numbers = dict(next((hit.explain for hit in hits if hit.record.id == id), {}))
    if "relevance" in numbers:  # the score is the weighted mean of these three
        numbers |= {"recency": _recency(record, form), "importance": record.importance}
    signals = [(text, numbers[name]) for name, text in SIGNALS.items() if numbers.get(name)]
    lacking = _lacking(visit, form, record, explanation)
    return Why(record, explanation, sorted(signals, key=lambda part: -part[1]), numbers, lacking)


def _recency(record: Record, form: SearchForm) -> float:
    """1 for a new record, halved with each half-life of its age, as `search` does it."""
    days = (datetime.now(timezone.utc) - record.created_at) / timedelta(days=1)
    return float(0.5 ** (max(days, 0.0) / float(form.half_life_days)))


def _lacking(visit: Visit, form: SearchForm, record: Record, explanation: Explanation) -> dict[str, bool]:
    if form.mode == "vector":  # it compares no words
        return {}
    found = terms_of(explanation.words)
    asked = visit.inspector.query_words.of(form.q, form.mode)
    left = [word for word in asked if not terms_of([word]) & found]
    if len(left) > _MOST_LACKING:
        return {}
    alike: dict[str, Any] = {"mode": form.mode, **visit.viewer}
    return {
        word: bool(visit.store.search(word, 1, scope=form.filters.scope or None, **alike))
        for word in left
        if not visit.store.explain(word, record.id, scope=record.scope, **alike).words
    }
