"""The content of an agent's output, without the boilerplate of CrewAI's prompts."""

from __future__ import annotations

import re

# The labels that CrewAI's prompts put before an agent's thoughts and actions.
_LABEL = re.compile(r"^[ \t]*(?:Thought|Action Input|Action|Observation)[ \t]*:[ \t]*", re.MULTILINE)
# The labels that do not begin lines of other texts.
_BOILERPLATE = re.compile(r"^[ \t]*(?:Thought|Final Answer|Action Input)[ \t]*:", re.MULTILINE)
_ANSWER = re.compile(r"^[ \t]*Final Answer[ \t]*:[ \t]*", re.MULTILINE)
# The sentence that CrewAI's prompt asks for before each answer. It has no content.
_STOCK_SENTENCE = re.compile(r"\bI now (?:can give a great answer|know the final answer)\b\.?", re.IGNORECASE)
# A line that opens or closes a Markdown code block, with the language.
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*[\w+#.-]*[ \t]*$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n\s*\n+")


def without_boilerplate(output: str) -> str:
    """The thoughts and the answer in `output`. Output without boilerplate stays as it is."""
    if not _BOILERPLATE.search(output):
        return output
    thought, *answer = _ANSWER.split(output, maxsplit=1)
    parts = [_without_labels(thought), *(part.strip() for part in answer)]
    return "\n".join(part for part in parts if part) or output


def without_fences(output: str) -> str:
    """`output` without the lines that open and close Markdown code blocks. The code stays."""
    text = _BLANK_LINES.sub("\n\n", _FENCE.sub("", output)).strip()
    return text if _FENCE.search(output) and text else output


def _without_labels(thought: str) -> str:
    return _BLANK_LINES.sub("\n\n", _STOCK_SENTENCE.sub("", _LABEL.sub("", thought))).strip()
