"""What CrewAI's `Memory` asks its LLM, answered without one."""

from __future__ import annotations

from typing import Any

from ._outputs import spoken


class NoLlm:
    """Stands in for the LLM of `Memory` where there is none: nothing is inferred, nothing is lost.

    Outputs are kept whole, in the scope they come with; queries are searched for as they are; what says the
    same as a memory is not kept twice.
    """

    @staticmethod
    def options() -> dict[str, Any]:
        """The keyword arguments of a `Memory` without an LLM. Only a repetition is left to consolidate."""
        return {"llm": NoLlm(), "consolidation_threshold": 0.98}

    def supports_function_calling(self) -> bool:
        """Yes: CrewAI is to ask for its models, not for JSON."""
        return True

    def call(self, messages: list[dict[str, str]], response_model: Any = None, **_: Any) -> Any:
        """The answer to one of `Memory`'s questions."""
        question = getattr(response_model, "__name__", None)
        if question == "ExtractedMemories":
            return response_model(memories=[_result(_content(messages[-1]["content"]))])
        if question == "MemoryAnalysis":
            return response_model(suggested_scope="/")
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
    return spoken(
        content.rpartition("\nResult: ")[2] if content.startswith(("Task: ", "Input: ")) else content
    )
