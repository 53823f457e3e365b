"""A crew on crewai <= 1.9.3 with memory. Run it twice: the second run recalls what the first one found.

    pip install agentmem-db crewai==1.9.3
    python crew_legacy.py

It runs offline, because the LLM plays a script. To use a real LLM, replace it, for example with
`Agent(llm="gpt-4o")`. Nothing else changes: the memory needs no key.
"""

import json
import os
import sys

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM

from agentmem.crewai import crew_memory

STORE = sys.argv[1] if len(sys.argv) > 1 else "crew.db"  # or postgresql://host/db


class PlayedLLM(BaseLLM):
    """Plays an analyst, and prints the memories in its prompt."""

    def call(self, messages, *args, **kwargs):
        """Answer the task, or CrewAI's question about the quality of the result."""
        prompt = messages if isinstance(messages, str) else "\n".join(str(m["content"]) for m in messages)
        if "Assess the quality" in prompt:
            return json.dumps({"suggestions": ["Name the date of the figures"], "quality": 8, "entities": []})
        _, reminded, memories = prompt.partition("# Useful context:")
        print("reminded of:", memories.partition("Provide your")[0].strip() if reminded else "nothing", "\n")
        return "Thought: I now can give a great answer\nFinal Answer: Churn in the EU fell to 2.1 % in May."

    def supports_function_calling(self):
        """Return False, so that CrewAI asks for JSON text."""
        return False


analyst = Agent(role="Analyst", goal="Find figures", backstory="Exact", llm=PlayedLLM(model="played"))
task = Task(
    description="How did churn in the EU develop in May?", expected_output="A sentence", agent=analyst
)

crew = Crew(agents=[analyst], tasks=[task], **crew_memory(STORE, crew="analysts"))
print(crew.kickoff())
