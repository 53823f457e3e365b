"""Labels: whether a hit is relevant."""

from __future__ import annotations

from agentmem.inspect.labels import Label
from agentmem.inspect.page import Next
from agentmem.inspect.screen import Screen
from agentmem.inspect.search_form import SearchForm
from agentmem.inspect.visit import Fields, Visit

_JUDGEMENTS = {"yes": True, "no": False}


def label(visit: Visit) -> Next:
    """Write a label with the score of the record; the same one again takes it back."""
    record = visit.record(visit.form.get("id"))
    form = SearchForm.read(Fields(visit.form.without("id")))
    relevant = _JUDGEMENTS.get(visit.form.get("relevant"))
    if visit.inspector.labels.of(form.q).get(record.id) is relevant:
        relevant = None
    score = None
    if form.is_probability:
        score = visit.store.explain(form.q, record.id, **form.arguments(), **visit.viewer).score
    visit.inspector.labels.add(Label(form.q, record.id, relevant, score))
    return Next(visit.returning("/search"))


SCREENS = [Screen("/label", label, writes=True)]
