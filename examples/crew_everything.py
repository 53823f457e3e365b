"""Everything that a crew keeps, in one file. Run it twice: the first run serves the second.

    pip install agentmem-db crewai
    python crew_everything.py

It runs offline on crewai 1.9.3 and on crewai >= 1.14, because the LLM plays a script. Memory, knowledge, the
states of flows, results of tools and the log of runs need no key.
"""

import json
import os
import sys

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("CREWAI_TRACING_ENABLED", "false")

from crewai import Agent, Crew, Task
from crewai.flow.flow import Flow, start
from crewai.flow.persistence import persist
from crewai.knowledge.source.string_knowledge_source import StringKnowledgeSource
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool

from agentmem.crewai import RunLog, cache, crew_memory, install, knowledge

STORE = sys.argv[1] if len(sys.argv) > 1 else "crew.db"  # or postgresql://host/db
ANSWER = "Churn in the EU fell to 2.1 % in May, which is 42,000 customers."

install(STORE)  # before flows are defined: from here on, @persist() and crew.replay() use this store
log = RunLog(STORE)


@tool("customers")
def customers(region: str) -> str:
    """Count the customers of a region. It takes long, so its results are cached."""
    print("the tool runs")
    return f"{region} has 2,000,000 customers"


class PlayedLLM(BaseLLM):
    """Plays an analyst, and prints what its prompt has from earlier runs and from the knowledge."""

    def call(self, messages, *args, **kwargs):
        """Ask the tool, then answer; or answer CrewAI's own questions about knowledge and memory."""
        prompt = messages if isinstance(messages, str) else "\n".join(str(m["content"]) for m in messages)
        if "Assess the quality" in prompt:
            return json.dumps({"suggestions": ["Name the month"], "quality": 8, "entities": []})
        if "Current Task" not in prompt:
            return "churn in the EU"
        if "2,000,000 customers" not in prompt.rpartition("Current Task")[2]:
            return 'Thought: I need the tool\nAction: customers\nAction Input: {"region": "EU"}'
        print("the memory knows the answer:", ANSWER in prompt)
        print("the knowledge is in the prompt:", "Churn fell to 2.1 %" in prompt)
        return f"Thought: I now can give a great answer\nFinal Answer: {ANSWER}"

    def supports_function_calling(self):
        """Return False, so that CrewAI asks for text."""
        return False


@persist()
class Report(Flow[dict]):
    """Runs the crew, and counts how often it did."""

    @start()
    def write(self):
        """Write the next report."""
        self.state["reports"] = self.state.get("reports", 0) + 1
        print("report number", self.state["reports"])
        return str(make_crew().kickoff())


def make_crew():
    """Return a crew with memory, knowledge and a cache for its tool."""
    analyst = Agent(
        role="Analyst",
        goal="Find figures",
        backstory="Exact",
        llm=PlayedLLM(model="played"),
        tools=[customers],
    )
    task = Task(
        description="How did churn in the EU develop in May?", expected_output="A sentence", agent=analyst
    )
    figures = [StringKnowledgeSource(content="Churn fell to 2.1 % in the EU in May, from 2.4 % in April.")]
    crew = Crew(
        name="analysts",
        agents=[analyst],
        tasks=[task],
        knowledge=knowledge(STORE, figures, "figures"),
        **crew_memory(STORE, crew="analysts"),
    )
    cache(crew, STORE, ttl=3600, tools=["customers"])
    return crew


print("earlier runs:", [(run.crew, run.status) for run in log.runs()])
print(Report(suppress_flow_events=True).kickoff(inputs={"id": "weekly"}))
log.close()
