"""The address of each screen, with something to see on the sample store."""

from __future__ import annotations

PAGES = {
    "newest": "/",
    "search": "/search?q=why+did+we+choose+rust+for+the+indexer",
    "why": "/search?q=why+did+we+choose+rust+for+the+indexer&why=fact-8",
    "why-not": "/search?q=why+did+we+choose+rust+for+the+indexer&scope=/user&why=fact-8",
    "nothing": "/search?q=indexer&scope=/user/alice&min_score=0.9",
    "bad-filter": "/search?q=indexer&where=%7B",
    "record": "/record?id=fact-1",
    "delete": "/delete?id=fact-1",
    "browse": "/browse?scope=/project",
    "browse-gone": "/browse?scope=/user/nobody",
    "live": "/live",
    "compare": "/compare?a_q=crooked+races+and+the+mafia",
    "quality": "/quality",
    "health": "/health",
    "keys": "/keys",
}
