"""A crew of one agent on an LLM that plays a script. As a program, it remembers in another process."""

import sys

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM
from pydantic import Field

SCRIPT = {
    "Find the launch date": "The launch date of project Falcon is 12 May, says the memo ZEBRA.",
    "Write the launch announcement": "Project Falcon will launch on 12 May. Be there!",
}


class ScriptedLLM(BaseLLM):
    """Answers tasks by the first key found in the prompt's current task; keeps every prompt."""

    script: dict[str, str] = Field(default_factory=lambda: dict(SCRIPT))
    prompts: list[str] = Field(default_factory=list)
    asked: list[str] = Field(default_factory=list)

    def __deepcopy__(self, memo=None):
        return self

    def call(self, messages, *args, response_model=None, **kwargs):
        text = messages if isinstance(messages, str) else "\n".join(str(m["content"]) for m in messages)
        if response_model is not None:
            self.asked.append(response_model.__name__)
            return self.analysis(response_model, text)
        self.prompts.append(text)
        task = text.rpartition("Current Task:")[2]
        answer = next((answer for key, answer in self.script.items() if key in task), "Nothing")
        return f"Thought: I now can give a great answer\nFinal Answer: {answer}"

    async def acall(self, *args, **kwargs):
        return self.call(*args, **kwargs)

    def analysis(self, model, text):
        if model.__name__ == "ExtractedMemories":
            return model(memories=[text.rpartition("Final Answer: ")[2].partition("\n")[0]])
        if model.__name__ == "MemoryAnalysis":
            return model(suggested_scope="/launch", categories=["fact"], importance=0.6)
        if model.__name__ == "QueryAnalysis":
            return model(recall_queries=["launch date of Falcon"])
        return model()

    def supports_function_calling(self):
        return True

    def supports_stop_words(self):
        return False

    def get_context_window_size(self):
        return 100_000


def make_agent(llm, **options):
    return Agent(
        role="Researcher", goal="Find facts", backstory="Careful", llm=llm, allow_delegation=False, **options
    )


def make_crew(llm, tasks=tuple(SCRIPT), agent=None, **options):
    agent = agent or make_agent(llm)
    tasks = [
        Task(description=f"{text} of project Falcon", expected_output="A sentence", agent=agent)
        for text in tasks
    ]
    return Crew(agents=[agent], tasks=tasks, **options)


if __name__ == "__main__":
    import agentmem.crewai

    llm = ScriptedLLM(model="scripted")
    if "--install" in sys.argv:
        agentmem.crewai.install(sys.argv[1])
        make_crew(llm, memory=True, name="research").kickoff()
    else:
        make_crew(llm, **agentmem.crewai.crew_memory(sys.argv[1])).kickoff()
    sys.stdout.write("\n---\n".join(llm.prompts))
