"""A client in this process, over the SDK of the generation that is installed."""

import json

import anyio
import jsonschema
import pytest

from agentmem.mcp import create_server

try:
    from mcp import Client as SdkClient

    ERAS = {"2026": "auto", "2025": "legacy"}

    def connected(server, era):
        return SdkClient(server, mode=ERAS[era])
except ImportError:
    from mcp.shared.memory import create_connected_server_and_client_session

    ERAS = {"2025": "legacy"}

    def connected(server, era):
        return create_connected_server_and_client_session(server)


class Client:
    """Each request is a connection of its own. Results are dicts as on the wire."""

    def __init__(self, store, era="2025", **options):
        self.server = create_server(store, **options)
        self.era = era

    def request(self, method, *arguments):
        async def run():
            async with connected(self.server, self.era) as session:
                answer = await getattr(session, method)(*arguments)
                return answer.model_dump(mode="json", by_alias=True, exclude_none=True)

        return anyio.run(run)

    def tools(self):
        return {tool["name"]: tool for tool in self.request("list_tools")["tools"]}

    def answer(self, tool, **arguments):
        """The whole result of a tool, whose data is checked against the tool's schema."""
        answer = self.request("call_tool", tool, arguments)
        assert not answer["isError"], answer["content"]
        jsonschema.validate(answer["structuredContent"], self.tools()[tool]["outputSchema"])
        return answer

    def call(self, tool, **arguments):
        """The data that a tool returns."""
        return self.answer(tool, **arguments)["structuredContent"]

    def text(self, tool, **arguments):
        """The text that a tool returns first."""
        return self.answer(tool, **arguments)["content"][0]["text"]

    def error(self, tool, **arguments):
        """The text of the error that a tool returns."""
        answer = self.request("call_tool", tool, arguments)
        assert answer["isError"], json.dumps(answer)
        return answer["content"][0]["text"]


@pytest.fixture(params=sorted(ERAS))
def era(request):
    """The revision of the protocol: of 2025, with sessions, or of 2026, without."""
    return request.param


@pytest.fixture
def new_client(store):
    """Make a client of a server with options."""
    return lambda era="2025", **options: Client(store, era, **options)


@pytest.fixture
def client(new_client):
    return new_client()
