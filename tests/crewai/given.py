"""What the examples of docstrings take as given."""

from crewai import Crew
from crewai.flow.flow import Flow, start
from crewai.knowledge.knowledge import Knowledge
from crewai.knowledge.source.string_knowledge_source import StringKnowledgeSource


class ReportFlow(Flow[dict]):
    @start()
    def write(self):
        self.state["report"] = "Churn fell."


def given(crew):
    """Names for examples, around a crew of one agent with a task."""
    return {
        "agent": crew.agents[0],
        "analyst": crew.agents[0],
        "crew": crew,
        "task": crew.tasks[0],
        "Crew": Crew,
        "Knowledge": Knowledge,
        "ReportFlow": ReportFlow,
        "sources": [StringKnowledgeSource(content="Churn fell to 2.1 % in May.")],
    }
