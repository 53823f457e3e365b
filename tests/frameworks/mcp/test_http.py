"""A server over HTTP, for this machine and those who know its token."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from postgres_server import place

TOKEN = "secret"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


class Server:
    """A server process on a free port."""

    def __init__(self, path, **variables):
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "agentmem",
            "mcp",
            "--path",
            str(path),
            "--http",
            "0",
        ]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, env=os.environ | variables, **pipes)
        self.port = int(
            re.fullmatch(r"serving http://127\.0\.0\.1:(\d+)/mcp\n", self.process.stderr.readline())[1]
        )

    def post(self, message, token=TOKEN, method="POST", path="/mcp", **headers):
        """The status and the JSON of the answer, if it is JSON."""
        usual = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-06-18",
            **({"Authorization": f"Bearer {token}"} if token is not None else {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, json.dumps(message), usual | headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.status, json.loads(body) if is_json else body

    def call(self, tool, **arguments):
        params = {"name": tool, "arguments": arguments}
        status, answer = self.post({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})
        assert status == 200, answer
        return answer["result"]["structuredContent"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(place(tmp_path_factory.mktemp("http") / "memory.db"), AGENTMEM_MCP_TOKEN=TOKEN)
    yield server
    server.process.kill()
    server.process.communicate()


def test_a_client_with_the_token_is_served(server):
    status, answer = server.post(INITIALIZE)
    assert (status, answer["result"]["serverInfo"]["name"]) == (200, "agentmem")
    id = server.call("remember", content="We ship on Fridays.")["id"]
    assert server.call("recall", query="when do we ship?")["memories"][0]["id"] == id


def test_the_scheme_of_the_header_is_any_case(server):
    assert server.post(INITIALIZE, Authorization=f"bearer {TOKEN}")[0] == 200


@pytest.mark.parametrize("token", [None, "", "wrong", "secretx", "Secret", "é"])
def test_without_the_token_nobody_is_served(server, token):
    assert server.post(INITIALIZE, token=token)[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", ""])
def test_another_host_is_not_served(server, host):
    assert server.post(INITIALIZE, Host=host.format(port=server.port))[0] == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://localhost:{port}", "http://localhost:1"]
)
def test_a_page_of_another_site_is_not_served(server, origin):
    assert server.post(INITIALIZE, Origin=origin.format(port=server.port))[0] == 403


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_this_machine_is_served_under_its_names(server, name):
    own = f"{name}:{server.port}"
    assert server.post(INITIALIZE, Host=own.lower(), Origin=f"http://{own}".lower())[0] == 200


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("wrong", 401), (TOKEN, 404)])
def test_a_websocket_is_not_opened_and_needs_the_token_too(server, token, status):
    pytest.importorskip("websockets", reason="without this package, uvicorn opens no WebSocket anyway")
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert server.post({}, token=token, method="GET", path="/ws", **handshake)[0] == status


def test_other_paths_need_the_token_too(server):
    assert server.post({}, token=None, method="GET", path="/")[0] == 401
    assert server.post({}, method="GET", path="/")[0] == 404


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the sockets of a process in /proc")
def test_only_this_machine_can_connect(server):
    with open(f"/proc/{server.process.pid}/net/tcp", encoding="ascii") as sockets:
        listening = [line.split()[1] for line in sockets if line.split()[3] == "0A"]
    assert f"0100007F:{server.port:04X}" in listening
    assert f"00000000:{server.port:04X}" not in listening


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_a_token_is_made_and_ctrl_c_ends_quietly(path):
    server = Server(path, AGENTMEM_MCP_TOKEN="")
    token = re.search(r"Authorization: Bearer (\S{40,})", server.process.stderr.readline())[1]
    assert server.post(INITIALIZE, token=token)[0] == 200
    assert server.post(INITIALIZE, token="")[0] == 401
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=20) == 130
    assert server.process.stderr.read() == ""


def test_a_port_that_is_in_use_is_an_error_in_one_line(server, path):
    command = [sys.executable, "-m", "agentmem", "mcp", "--path", str(path), "--http", str(server.port)]
    result = subprocess.run(
        [*command], text=True, capture_output=True, env=os.environ | {"PYTHONWARNINGS": "ignore"}
    )
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "in use" in result.stderr
