"""A record as texts in a form, and back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from agentmem import InvalidRecordError, Record
from agentmem.inspect.visit import Fields


@dataclass(frozen=True)
class Draft:
    """The fields of a record that can be edited, as texts."""

    content: str
    scope: str
    categories: str
    """One a line."""
    importance: str
    metadata: str
    """As JSON."""
    source: str
    private: str
    """"yes" or empty."""
    expires_at: str

    @classmethod
    def of(cls, record: Record) -> Draft:
        """The texts of a record."""
        return cls(
            content=record.content.replace("\r\n", "\n").replace("\r", "\n"),  # as browsers send it
            scope=record.scope,
            categories="\n".join(record.categories),
            importance=repr(record.importance),
            metadata=json.dumps(record.metadata, ensure_ascii=False, indent=2) if record.metadata else "",
            source=record.source or "",
            private="yes" if record.private else "",
            expires_at=record.expires_at.isoformat() if record.expires_at else "",
        )

    @classmethod
    def read(cls, form: Fields) -> Draft:
        """The texts that the user sends."""
        names = cls.__dataclass_fields__
        return cls(**{name: form.get(name) for name in names})

    def texts(self) -> dict[str, str]:
        """All fields by name."""
        return asdict(self)

    def changes(self, record: Record) -> dict[str, Any]:
        """The fields that differ from those of a record, as `update` takes them.

        Raises InvalidRecordError if a text cannot be read, or not be stored.
        """
        before, now = Draft.of(record).texts(), self.texts()
        changed = {name: self._value(name) for name in now if now[name] != before[name]}
        Record(**{"content": "", **changed})
        return changed

    def _value(self, name: str) -> Any:
        text: str = getattr(self, name)
        if name == "categories":
            return [line.strip() for line in text.splitlines() if line.strip()]
        if name == "importance":
            return _number(text)
        if name == "metadata":
            return _object(text)
        if name == "private":
            return bool(text)
        if name in ("source", "expires_at"):
            return text or None
        return text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRecordError(f"invalid record: importance is not a number: {text!r}") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidRecordError(f"invalid record: metadata is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidRecordError("invalid record: metadata is not a JSON object")
    return value
