"""A crew of one agent on an LLM that plays a script. As a program, it remembers in another process."""

import json
import sys

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM


class ScriptedLLM(BaseLLM):
    """Answers tasks by the first key found in the prompt's current task; keeps every prompt."""

    def __init__(self, script, suggestions=("Cite the source",), quality=8):
        super().__init__(model="scripted")
        self.script, self.suggestions, self.quality = script, list(suggestions), quality
        self.prompts = []

    def __deepcopy__(self, memo):
        return self

    def call(self, messages, *args, **kwargs):
        text = messages if isinstance(messages, str) else "\n".join(str(m["content"]) for m in messages)
        if "Assess the quality of the task" in text:
            entities = [
                {
                    "name": "Falcon",
                    "type": "Project",
                    "description": "A rocket to the moon",
                    "relationships": ["built by Acme"],
                }
            ]
            return json.dumps(
                {"suggestions": self.suggestions, "quality": self.quality, "entities": entities}
            )
        self.prompts.append(text)
        task = text.rpartition("Current Task:")[2]
        answer = next(answer for key, answer in self.script.items() if key in task)
        return f"Thought: I now can give a great answer\nFinal Answer: {answer}"

    async def acall(self, *args, **kwargs):
        return self.call(*args, **kwargs)

    def supports_function_calling(self):
        return False

    def supports_stop_words(self):
        return False

    def get_context_window_size(self):
        return 100_000


SCRIPT = {
    "Find the launch date": "The launch date of project Falcon is 12 May, says the memo ZEBRA.",
    "Write the launch announcement": "Project Falcon will launch on 12 May. Be there!",
}


def make_crew(llm, tasks=tuple(SCRIPT), **options):
    agent = Agent(role="Researcher", goal="Find facts", backstory="Careful", llm=llm, allow_delegation=False)
    tasks = [
        Task(description=f"{text} of project Falcon", expected_output="A sentence", agent=agent)
        for text in tasks
    ]
    return Crew(agents=[agent], tasks=tasks, **options)


if __name__ == "__main__":
    from agentmem.crewai import crew_memory

    llm = ScriptedLLM(SCRIPT)
    make_crew(llm, **crew_memory(sys.argv[1], *sys.argv[2:])).kickoff()
    sys.stdout.write("\n---\n".join(llm.prompts))
