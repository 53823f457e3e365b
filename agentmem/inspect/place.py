"""Where a store is, and where the files are that the inspector writes about it."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from agentmem.store.path import is_url, shown


@dataclass(frozen=True)
class Place:
    """A file, or a database."""

    path: str
    """As people may see it: without the password of a URL."""
    name: str
    """In a word."""
    folder: str
    """Where copies go."""
    labels: str
    """The file with the labels."""
    in_database: bool = False


def place_of(path: str) -> Place:
    """The place of the store at a path or URL.

    Files go beside a file. What belongs to a database goes where the program was started, but labels go into
    the user's data, so that they are found from everywhere.
    """
    if not is_url(path):
        return Place(path, os.path.basename(path), os.path.dirname(path), f"{path}-labels.jsonl")
    url = shown(path)
    parts = urlsplit(url)
    name = f"{parts.netloc.rpartition('@')[2]}{parts.path}".strip("/")
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    file = f"{re.sub(r'[^a-zA-Z0-9.-]+', '-', name)}-{digest}-labels.jsonl"
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Place(url, name, os.getcwd(), os.path.join(data, "agentmem", file), in_database=True)
