"""What an agent's output says, without the scaffolding around it."""

from __future__ import annotations

import re

# The words that CrewAI's prompts put in front of what an agent thinks and does.
_LABEL = re.compile(r"^[ \t]*(?:Thought|Action Input|Action|Observation)[ \t]*:[ \t]*", re.MULTILINE)
# Of these labels, those that no other text begins its lines with.
_SCAFFOLD = re.compile(r"^[ \t]*(?:Thought|Final Answer|Action Input)[ \t]*:", re.MULTILINE)
_ANSWER = re.compile(r"^[ \t]*Final Answer[ \t]*:[ \t]*", re.MULTILINE)
# The thought that CrewAI's prompt asks for before each answer; it says nothing.
_STOCK = re.compile(r"\bI now (?:can give a great answer|know the final answer)\b\.?", re.IGNORECASE)
# A Markdown fence, with its language; what it fences stays.
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*[\w+#.-]*[ \t]*$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n\s*\n+")


def spoken(output: str) -> str:
    """What `output` says: all of it where there is no scaffolding. A final answer stays as it is."""
    if not _SCAFFOLD.search(output):
        return output
    thought, *answer = _ANSWER.split(output, maxsplit=1)
    parts = [_without_scaffold(thought), *(part.strip() for part in answer)]
    return "\n".join(part for part in parts if part) or output


def without_fences(output: str) -> str:
    """`output` without Markdown fences and their languages; what they fence stays."""
    text = _BLANK_LINES.sub("\n\n", _FENCE.sub("", output)).strip()
    return text if _FENCE.search(output) and text else output


def _without_scaffold(thought: str) -> str:
    return _BLANK_LINES.sub("\n\n", _STOCK.sub("", _LABEL.sub("", thought))).strip()
