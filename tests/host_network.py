"""A host's way to the server: a network namespace with a cable that can be pulled."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess

import pytest

needs_network = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("ip") is None,
    reason="only root may make network namespaces, with `ip`",
)


def ip(*words: object) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True)


class Network:
    """The host `10.77.NUMBER.2`, which reaches the server at `10.77.NUMBER.1`."""

    def __init__(self, number: int) -> None:
        self.namespace, self.cable = f"agentmem-{number}", f"agentmem{number}"
        self.server = f"10.77.{number}.1"
        self.remove()
        ip("netns", "add", self.namespace)
        inside = ("netns", "exec", self.namespace, "ip")
        ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        ip("addr", "add", f"{self.server}/30", "dev", self.cable)
        ip("link", "set", self.cable, "up")
        ip(*inside, "addr", "add", f"10.77.{number}.2/30", "dev", "eth0")
        ip(*inside, "link", "set", "eth0", "up")

    def command(self) -> list[str]:
        """What runs a program on this host."""
        return ["ip", "netns", "exec", self.namespace]

    def pull(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        ip("link", "set", self.cable, "down")

    def plug_in(self) -> None:
        """The connections may go on."""
        ip("link", "set", self.cable, "up")

    def remove(self) -> None:
        """With all that is in it."""
        for words in (["link", "del", self.cable], ["netns", "del", self.namespace]):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip(*words)
