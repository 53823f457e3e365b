"""Answers to the questions that CrewAI's `Memory` asks its LLM, made without an LLM."""

from __future__ import annotations

import re
from typing import Any

from ._outputs import without_boilerplate

# What CrewAI puts before the output of a task, and of an agent that runs without a task.
_PREFIXES = (
    re.compile(r"Task: .*?\nExpected result: .*?\nResult: ", re.DOTALL),
    re.compile(r"Input: .*?\nAgent: [^\n]*\nResult: ", re.DOTALL),
    re.compile(r"(?:Task|Input): .*?\nResult: ", re.DOTALL),
)
# CrewAI's deep recall searches the child scopes of a scope if there are any, and then not the scope itself.
_SCOPE = "/general"


class NoLlm:
    """Takes the place of the LLM of `Memory`: infers nothing and loses nothing.

    Outputs are stored whole, below the scope of the call. Queries are searched as they are. A repetition of
    a memory is not stored again.
    """

    CONSOLIDATION_THRESHOLD = 0.98
    """The threshold of a `Memory` without an LLM: only repetitions are consolidated."""

    def supports_function_calling(self) -> bool:
        """True, so that CrewAI asks for Pydantic models and not for JSON text."""
        return True

    def call(self, messages: list[dict[str, str]], response_model: Any = None, **_: Any) -> Any:
        """Answer one of `Memory`'s questions with the model that it asks for."""
        question = getattr(response_model, "__name__", None)
        if question == "ExtractedMemories":
            return response_model(memories=[_result(_content(messages[-1]["content"]))])
        if question == "MemoryAnalysis":
            return response_model(suggested_scope=_SCOPE)
        if question == "ConsolidationPlan":
            return response_model(insert_new=False)
        return response_model() if response_model else ""

    def __deepcopy__(self, memo: dict[int, Any]) -> NoLlm:
        """Return the object itself: it has no state."""
        return self


def _content(prompt: str) -> str:
    """The content inside CrewAI's prompt for extracting memories."""
    from crewai.utilities import i18n

    prompts = i18n.I18N_DEFAULT if hasattr(i18n, "I18N_DEFAULT") else i18n.get_i18n()
    before, after = prompts.memory("extract_memories_user").split("{content}")
    return prompt.removeprefix(before).removesuffix(after)


def _result(content: str) -> str:
    """The result in CrewAI's "Task: ... Agent: ... Result: ...", without boilerplate."""
    matches = (prefix.match(content) for prefix in _PREFIXES)
    return without_boilerplate(content[next((match.end() for match in matches if match), 0) :])
