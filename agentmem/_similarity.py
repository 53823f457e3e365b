"""A hit on the scale of similarities that frameworks set their thresholds on.

Frameworks keep memories whose similarity is at least 0.6 or so, and expect nothing for a question about
something else. No threshold on the probability of one hit does both: the third record with a part of an
answer is rightly improbable. So the similarity depends on the probability that the result has an answer.
"""

from __future__ import annotations

from agentmem import Hit

# Chosen with benches/calibrate.py: at 0.6 most evidence is kept, and most questions about something else find
# nothing.
_ANSWERED = 0.43
_OWN = 0.025


def similarity(hit: Hit) -> float:
    """Return the similarity of a hit of mode "hybrid", in 0..1: answered**0.43 * score**0.025.

    `answered` is the probability that any hit of the result is relevant. Similarities never increase down the
    list.
    """
    return float(hit.explain["answered"] ** _ANSWERED * hit.score**_OWN)
