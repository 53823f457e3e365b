"""A crew on crewai <= 1.9.3 that remembers. Run it twice: the second run knows what the first one found out.

    pip install agentmem-db crewai==1.9.3
    python crew_legacy.py

It runs offline as it stands: the LLM plays a script. Put your own in its place, `Agent(llm="gpt-4o")` say,
and nothing else changes; the memory itself needs no key.
"""

import json
import os

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM

from agentmem.crewai import crew_memory


class PlayedLLM(BaseLLM):
    """Plays an analyst, and shows what it is reminded of."""

    def call(self, messages, *args, **kwargs):
        """Answer the task, or CrewAI's question how well it was done."""
        prompt = messages if isinstance(messages, str) else "\n".join(str(m["content"]) for m in messages)
        if "Assess the quality" in prompt:
            return json.dumps({"suggestions": ["Name the date of the figures"], "quality": 8, "entities": []})
        _, reminded, memories = prompt.partition("# Useful context:")
        print("reminded of:", memories.partition("Provide your")[0].strip() if reminded else "nothing", "\n")
        return "Thought: I now can give a great answer\nFinal Answer: Churn in the EU fell to 2.1 % in May."

    def supports_function_calling(self):
        """Have CrewAI ask for JSON."""
        return False


analyst = Agent(role="Analyst", goal="Find figures", backstory="Exact", llm=PlayedLLM(model="played"))
task = Task(
    description="How did churn in the EU develop in May?", expected_output="A sentence", agent=analyst
)

crew = Crew(agents=[analyst], tasks=[task], **crew_memory("crew.db", crew="analysts"))
print(crew.kickoff())
