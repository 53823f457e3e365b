"""A crew on crewai >= 1.10 that remembers. Run it twice: the second run knows what the first one found out.

    pip install agentmem-db crewai
    python crew_unified.py

It runs offline as it stands: the LLM plays a script. Put your own in its place, `Agent(llm="gpt-4o")` say,
and nothing else changes; the memory itself needs no key.
"""

import os

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("CREWAI_TRACING_ENABLED", "false")

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM

import agentmem.crewai


class PlayedLLM(BaseLLM):
    """Plays an analyst, and shows what it is reminded of."""

    def call(self, messages, *args, response_model=None, **kwargs):
        """Answer the last message; CrewAI's memory asks for models."""
        prompt = messages if isinstance(messages, str) else messages[-1]["content"]
        if response_model is not None:
            return response_model(**MEMORY_ANSWERS.get(response_model.__name__, {}))
        _, reminded, memories = prompt.partition("Relevant memories:")
        print("reminded of:", memories.partition("IMPORTANT:")[0].strip() if reminded else "nothing", "\n")
        return "Thought: I now can give a great answer\nFinal Answer: Churn in the EU fell to 2.1 % in May."

    def supports_function_calling(self):
        """Let CrewAI ask for models instead of JSON."""
        return True


MEMORY_ANSWERS = {
    "ExtractedMemories": {"memories": ["Churn in the EU fell to 2.1 % in May"]},
    "MemoryAnalysis": {"suggested_scope": "/churn", "categories": ["figure"], "importance": 0.7},
}

agentmem.crewai.install("crew.db")  # from here on, Crew(memory=True) remembers in this file

analyst = Agent(role="Analyst", goal="Find figures", backstory="Exact", llm=PlayedLLM(model="played"))
task = Task(
    description="How did churn in the EU develop in May?", expected_output="A sentence", agent=analyst
)

crew = Crew(name="analysts", agents=[analyst], tasks=[task], memory=True)
print(crew.kickoff())
