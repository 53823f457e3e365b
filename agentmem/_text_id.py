"""Ids that are made of texts."""

from __future__ import annotations

import hashlib
import uuid

from agentmem._core import Record


def text_id(content: str, scope: str = "/", source: str | None = None) -> str:
    """Return a stable id for this text in this scope from this source.

    It is the same in every process and version, so that adding the same text again with
    `on_conflict="skip"` adds nothing. It is a UUID of version 8 (RFC 9562) with the first bits of the
    SHA-256 digest of content, scope and source, each as UTF-8 after its length in bytes as 8 bytes,
    big-endian; no source is left out. Raises InvalidRecordError for what no record can hold.
    """
    record = Record(content, scope=scope, source=source)
    digest = hashlib.sha256()
    for part in (record.content, record.scope, record.source):
        if part is not None:
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return str(uuid.UUID(int=_version_8(int.from_bytes(digest.digest()[:16], "big"))))


def _version_8(bits: int) -> int:
    """The 128 bits, with those of the version and the variant set."""
    bits = bits & ~(0xF << 76) | 8 << 76
    return bits & ~(3 << 62) | 2 << 62
