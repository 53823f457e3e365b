"""Claude with answers from a script: the SDK's own clients, without a network."""

import json

import httpx2
from anthropic import Anthropic, AsyncAnthropic


class Script:
    """Answers each request with the next list of content blocks, and keeps the requests."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def client(self):
        transport = httpx2.MockTransport(self._answer)
        return Anthropic(api_key="none", http_client=httpx2.Client(transport=transport))

    def async_client(self):
        transport = httpx2.MockTransport(self._answer)
        return AsyncAnthropic(api_key="none", http_client=httpx2.AsyncClient(transport=transport))

    @property
    def results(self):
        """What the model got to read of its calls: whether it is an error, and the text."""
        messages = [request["messages"][-1] for request in self.requests[1:]]
        return [(block.get("is_error", False), block["content"]) for m in messages for block in m["content"]]

    def _answer(self, request):
        self.requests.append(json.loads(request.content))
        content = self.answers.pop(0)
        uses = any(block["type"] == "tool_use" for block in content)
        return httpx2.Response(
            200,
            json={
                "id": f"msg_{len(self.requests)}",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-5-5",
                "content": content,
                "stop_reason": "tool_use" if uses else "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 1, "output_tokens": 1},
            },
        )


def say(text):
    return [{"type": "text", "text": text}]


def use(tool, **arguments):
    return [{"type": "tool_use", "id": f"toolu_{tool}", "name": tool, "input": arguments}]
