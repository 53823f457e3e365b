"""Connections are encrypted as libpq's sslmode says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server

import agentmem

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server, localhost, that takes encrypted connections alone, and where its certificates are."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("authority", "stranger"):
        subject = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"]
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    signed = [
        "-CA",
        "authority.crt",
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-extfile",
        "names",
        "-days",
        "2",
    ]
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", *signed)
    server = Server()
    for file in ("server.key", "server.crt"):
        shutil.copy(folder / file, server.data / file)
        if os.getuid() == 0:
            shutil.chown(server.data / file, "postgres", "postgres")
        os.chmod(server.data / file, 0o600)
    (server.data / "pg_hba.conf").write_text("hostssl all all all trust\nlocal all all trust\n")
    server.stop()
    with (server.data / "postgresql.conf").open("a") as settings:
        settings.write("ssl = on\n")
    server.start()
    agentmem.migrate(url(server, "sslmode=require"), partitions=0)
    yield server, folder
    server.remove()


def url(server: Server, parameters: str, host: str = "localhost") -> str:
    return f"postgresql://postgres@{host}:{server.port}/postgres?{parameters}"


@pytest.mark.parametrize(
    ("parameters", "host"),
    [
        ("sslmode=prefer", "localhost"),
        ("sslmode=require", "127.0.0.1"),
        ("sslmode=verify-ca&sslrootcert={authority}", "127.0.0.1"),
        ("sslmode=verify-full&sslrootcert={authority}", "localhost"),
    ],
)
def test_a_certificate_that_fits_is_accepted(
    encrypted: tuple[Server, Path], parameters: str, host: str
) -> None:
    server, folder = encrypted
    filled = parameters.format(authority=folder / "authority.crt")
    with agentmem.open(url(server, filled, host)) as store:
        assert store.search("anything") == []


@pytest.mark.parametrize(
    ("parameters", "host", "why"),
    [
        ("sslmode=disable", "localhost", "no pg_hba.conf entry"),
        ("sslmode=verify-ca&sslrootcert={stranger}", "localhost", "certificate"),
        ("sslmode=verify-full&sslrootcert={authority}", "127.0.0.1", "certificate"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(
    encrypted: tuple[Server, Path], parameters: str, host: str, why: str
) -> None:
    server, folder = encrypted
    files = {name: folder / f"{name}.crt" for name in ("authority", "stranger")}
    with pytest.raises(agentmem.StorePathError, match=why):
        agentmem.open(url(server, parameters.format(**files), host))


def test_verifying_needs_an_authority(encrypted: tuple[Server, Path]) -> None:
    server, _ = encrypted
    with pytest.raises(agentmem.InvalidFilterError, match="sslrootcert"):
        agentmem.open(url(server, "sslmode=verify-full"))
    with pytest.raises(agentmem.InvalidFilterError, match='sslmode is "always"'):
        agentmem.open(url(server, "sslmode=always"))


def test_passwords_come_from_the_url_the_environment_or_a_file(
    encrypted: tuple[Server, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = encrypted
    # The rule for the new role comes first.
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    server_url = url(server, "sslmode=require")
    with agentmem.open(server_url):
        pass
    run = ["psql", "-Xqt", "-d", server_url.replace("sslmode=require", "sslmode=require"), "-c"]
    subprocess.run([*run, "CREATE ROLE shy LOGIN SUPERUSER PASSWORD 'se:cret'"], check=True)
    hba.write_text("hostssl all shy all scram-sha-256\n" + before)
    subprocess.run([*run, "SELECT pg_reload_conf()"], check=True, capture_output=True)
    shy = f"localhost:{server.port}/postgres?sslmode=require"
    with pytest.raises((agentmem.AgentMemError, OSError)):
        agentmem.open(f"postgresql://shy@{shy}")
    with agentmem.open(f"postgresql://shy:se%3Acret@{shy}") as store:
        assert "cret" not in str(store.stats().path)
    monkeypatch.setenv("PGPASSWORD", "se:cret")
    agentmem.open(f"postgresql://shy@{shy}").close()
    monkeypatch.setenv("PGPASSWORD", "")
    file = tmp_path / "pgpass"
    file.write_text(f"localhost:{server.port}:*:shy:se\\:cret\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    agentmem.open(f"postgresql://shy@{shy}").close()
