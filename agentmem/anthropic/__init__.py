"""Claude's memory tool, `memory_20250818`: its files are records, with history and search.

>>> from agentmem.anthropic import AgentMemMemoryTool
>>> tool = AgentMemMemoryTool("memory.db", user="alice")
>>> runner = client.beta.messages.tool_runner(
...     model="claude-sonnet-5-5",
...     max_tokens=1024,
...     messages=[{"role": "user", "content": "Remember that I prefer tea."}],
...     tools=[tool],
... )
>>> answer = runner.until_done()
>>> tool.search("tea")[0].record.content
'Prefers tea.'
"""

from agentmem._adapters import require

require("anthropic", extra="anthropic", package="anthropic", at_least="2", below="3")

from agentmem.anthropic.tool import AgentMemAsyncMemoryTool, AgentMemMemoryTool  # noqa: E402

__all__ = ["AgentMemAsyncMemoryTool", "AgentMemMemoryTool"]
