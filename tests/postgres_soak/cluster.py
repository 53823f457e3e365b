"""A primary server and a standby that has all that the primary has confirmed."""

from __future__ import annotations

from postgres_server import Server, free_port

import agentmem

SETTINGS = ["listen_addresses=*", "max_connections=200", "wal_keep_size=1GB"]


class Cluster:
    """Two servers; either can be the primary."""

    def __init__(self) -> None:
        self.ports = [free_port(), free_port()]
        self.primary = Server(*SETTINGS, durable=True, port=self.ports[0])
        with (self.primary.data / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.77.0.0/16 trust\n")
        self.primary.sql("SELECT pg_reload_conf()")
        self.add_standby()
        agentmem.migrate(self.primary.url(), space_depth=1, partitions=4)

    def add_standby(self) -> None:
        """Copy the primary, to the port that is not its own."""
        (port,) = {*self.ports} - {self.primary.port}
        self.standby = Server(*SETTINGS, durable=True, of=self.primary, port=port)
        self.primary.wait_for_standbys()

    def url(self, host: str) -> str:
        """The store, on whichever server is the primary."""
        hosts = ",".join(f"{host}:{port}" for port in self.ports)
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"

    def fail_over(self) -> None:
        """The primary is lost with all that it has; the standby takes over, and gets a standby."""
        self.primary.kill()
        lost, self.primary = self.primary, self.standby
        self.primary.promote()
        lost.remove()
        self.add_standby()

    def remove(self) -> None:
        """Both."""
        self.primary.remove()
        self.standby.remove()
