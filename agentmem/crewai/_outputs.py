"""What an agent's output says, without the scaffolding around it."""

from __future__ import annotations

import re

# The words that CrewAI's prompts put in front of what an agent thinks, does and answers.
_LABEL = re.compile(
    r"^[ \t]*(?:Thought|Final Answer|Action Input|Action|Observation)[ \t]*:[ \t]*", re.MULTILINE
)
# The thought that CrewAI's prompt asks for before each answer; it says nothing.
_STOCK = re.compile(r"\bI now (?:can give a great answer|know the final answer)\b\.?", re.IGNORECASE)
# A Markdown fence, with its language; what it fences stays.
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*[\w+#.-]*[ \t]*$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n\s*\n+")


def spoken(output: str) -> str:
    """What `output` says; all of it when there is nothing but scaffolding."""
    text = _LABEL.sub("", _FENCE.sub("", output))
    text = _BLANK_LINES.sub("\n\n", _STOCK.sub("", text)).strip()
    return text or output
