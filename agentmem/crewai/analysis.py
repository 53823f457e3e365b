"""What CrewAI's `Memory` asks its LLM, answered without one."""

from __future__ import annotations

import re
from typing import Any

from ._outputs import spoken

# What CrewAI puts in front of an output: of a task, and of an agent that was asked by itself.
_HEADS = (
    re.compile(r"Task: .*?\nExpected result: .*?\nResult: ", re.DOTALL),
    re.compile(r"Input: .*?\nAgent: [^\n]*\nResult: ", re.DOTALL),
    re.compile(r"(?:Task|Input): .*?\nResult: ", re.DOTALL),
)
# CrewAI's deep recall looks below a scope, wherever there is something below, and not at it.
_SCOPE = "/general"


class NoLlm:
    """Stands in for the LLM of `Memory` where there is none: nothing is inferred, nothing is lost.

    Outputs are kept whole, below the scope they come with; queries are searched for as they are; what says
    the same as a memory is not kept twice.
    """

    CONSOLIDATION_THRESHOLD = 0.98
    """For a `Memory` without an LLM: only a repetition is left to consolidate."""

    def supports_function_calling(self) -> bool:
        """Yes: CrewAI is to ask for its models, not for JSON."""
        return True

    def call(self, messages: list[dict[str, str]], response_model: Any = None, **_: Any) -> Any:
        """The answer to one of `Memory`'s questions."""
        question = getattr(response_model, "__name__", None)
        if question == "ExtractedMemories":
            return response_model(memories=[_result(_content(messages[-1]["content"]))])
        if question == "MemoryAnalysis":
            return response_model(suggested_scope=_SCOPE)
        if question == "ConsolidationPlan":
            return response_model(insert_new=False)
        return response_model() if response_model else ""

    def __deepcopy__(self, memo: dict[int, Any]) -> NoLlm:
        """Itself."""
        return self


def _content(prompt: str) -> str:
    """The content inside CrewAI's prompt for extracting memories."""
    from crewai.utilities import i18n

    prompts = i18n.I18N_DEFAULT if hasattr(i18n, "I18N_DEFAULT") else i18n.get_i18n()
    before, after = prompts.memory("extract_memories_user").split("{content}")
    return prompt.removeprefix(before).removesuffix(after)


def _result(content: str) -> str:
    """The result in CrewAI's "Task: ... Agent: ... Result: ...", without its scaffolding."""
    heads = (head.match(content) for head in _HEADS)
    return spoken(content[next((head.end() for head in heads if head), 0) :])
