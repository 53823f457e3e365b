"""A crew on crewai >= 1.10 with memory. Run it twice: the second run recalls what the first one found.

    pip install agentmem-db crewai
    python crew_unified.py

It runs offline, because the LLM plays a script. To use a real LLM, replace it, for example with
`Agent(llm="gpt-4o")`. Nothing else changes: the memory needs no key.
"""

import os
import sys

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("CREWAI_TRACING_ENABLED", "false")

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM

import agentmem.crewai

STORE = sys.argv[1] if len(sys.argv) > 1 else "crew.db"  # or postgresql://host/db


class PlayedLLM(BaseLLM):
    """Plays an analyst, and prints the memories in its prompt."""

    def call(self, messages, *args, response_model=None, **kwargs):
        """Answer the last message; to CrewAI's memory, with the model that it asks for."""
        prompt = messages if isinstance(messages, str) else messages[-1]["content"]
        if response_model is not None:
            return response_model(**MEMORY_ANSWERS.get(response_model.__name__, {}))
        _, reminded, memories = prompt.partition("Relevant memories:")
        print("reminded of:", memories.partition("IMPORTANT:")[0].strip() if reminded else "nothing", "\n")
        return "Thought: I now can give a great answer\nFinal Answer: Churn in the EU fell to 2.1 % in May."

    def supports_function_calling(self):
        """Return True, so that CrewAI asks for models and not for JSON text."""
        return True


MEMORY_ANSWERS = {
    "ExtractedMemories": {"memories": ["Churn in the EU fell to 2.1 % in May"]},
    "MemoryAnalysis": {"suggested_scope": "/churn", "categories": ["figure"], "importance": 0.7},
}

agentmem.crewai.install(STORE)  # from here on, Crew(memory=True) uses this store

analyst = Agent(role="Analyst", goal="Find figures", backstory="Exact", llm=PlayedLLM(model="played"))
task = Task(
    description="How did churn in the EU develop in May?", expected_output="A sentence", agent=analyst
)

crew = Crew(name="analysts", agents=[analyst], tasks=[task], memory=True)
print(crew.kickoff())
