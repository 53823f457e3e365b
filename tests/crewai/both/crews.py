"""Crews of one agent whose LLM plays a script, on both generations of CrewAI."""

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM


class ScriptedLLM(BaseLLM):
    """Gives its answers in turn, the last one again and again; keeps every prompt."""

    def __init__(self, *answers):
        super().__init__(model="scripted")
        for name, value in {"answers": answers, "prompts": []}.items():
            object.__setattr__(self, name, value)

    def __deepcopy__(self, memo=None):
        return self

    def call(self, messages, *args, **kwargs):
        text = messages if isinstance(messages, str) else "\n".join(str(m["content"]) for m in messages)
        self.prompts.append(text)
        return self.answers[min(len(self.prompts), len(self.answers)) - 1]

    async def acall(self, *args, **kwargs):
        return self.call(*args, **kwargs)

    def supports_function_calling(self):
        return False

    def supports_stop_words(self):
        return False

    def get_context_window_size(self):
        return 100_000


def final(answer):
    """The LLM's answer to a task."""
    return f"Thought: I now can give a great answer\nFinal Answer: {answer}"


def use(tool, arguments):
    """The LLM's wish to use a tool."""
    return f"Thought: I need a tool\nAction: {tool}\nAction Input: {arguments}"


def make_crew(llm, *descriptions, tools=(), agent_options=None, **options):
    agent = Agent(
        role="Researcher",
        goal="Find facts",
        backstory="Careful",
        llm=llm,
        allow_delegation=False,
        tools=list(tools),
        **(agent_options or {}),
    )
    tasks = [
        Task(description=text, expected_output="A sentence", agent=agent)
        for text in descriptions or ("Find the launch date",)
    ]
    return Crew(agents=[agent], tasks=tasks, **options)
