"""What is wrong with the certificate of a target is one clear sentence: its time, its host, or its issuer."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from scripted_server import answering, scripted, whole

from messages_conformance.cli import main
from messages_conformance.contract import profile
from messages_conformance.engine import compose
from messages_conformance.exchange import Ask
from messages_conformance.targets import Connection, Unreachable, open_target

LISTING = Ask(situation="models", method="GET", path="/v1/models", expect="either")
CA_USAGE = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test, made with openssl."""

    folder: Path

    def made(self, *arguments: object) -> None:
        command = [shutil.which("openssl") or "", *map(str, arguments)]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def server(self, *, days: int, name: str) -> ssl.SSLContext:
        """The TLS settings of a server whose certificate this authority signed."""
        self.made("req", *CURVE, "-subj", "/CN=server", "-keyout", "server.key", "-out", "request")
        (self.folder / "names").write_text(f"subjectAltName={name}\nauthorityKeyIdentifier=keyid\n")
        signing = ("x509", "-req", "-in", "request", "-CA", "ca", "-CAkey", "ca.key", "-CAcreateserial")
        self.made(*signing, "-days", days, "-extfile", "names", "-out", "server")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server", self.folder / "server.key")
        return context

    @property
    def bundle(self) -> str:
        return str(self.folder / "ca")


def authority_in(folder: Path, *extensions: str) -> Authority:
    """A new authority, with these extensions in its own certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make certificates")
    found = Authority(folder)
    subject = ("-subj", "/CN=test authority", "-days", 2)
    found.made("req", "-x509", *CURVE, *subject, *extensions, "-keyout", "ca.key", "-out", "ca")
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority_in(tmp_path_factory.mktemp("authority"), *CA_USAGE)


GOOD = "IP:127.0.0.1"
EXPIRED = "has a certificate that has expired (certificate has expired); renew it on the server"

ROWS = {
    "expired": (-1, GOOD, True, EXPIRED),
    "other-host": (1, "DNS:elsewhere.example", True, "has a certificate that is for another host ("),
    "other-address": (1, "IP:127.0.0.2", True, "is for another host (IP address mismatch, certificate is not valid"),
    "unknown-issuer": (1, GOOD, False, "has a certificate that does not verify (unable to get local issuer"),
}


def reason_of(url: str, bundle: str | None) -> str:
    """Why the target cannot be reached; empty when it answers."""
    request = compose(LISTING, profile=profile("anthropic-2023-06-01"), model=None)

    async def run() -> None:
        target = open_target(url, key="sk-0123456789abcdef", timeout_s=30, connection=Connection(ca_bundle=bundle))
        try:
            await target.send(request)
        finally:
            await target.aclose()

    try:
        asyncio.run(run())
    except Unreachable as error:
        return f"{error.failure.kind}: {error.failure.message}"
    return ""


@pytest.mark.parametrize("row", ROWS)
def test_a_wrong_certificate_is_named_with_its_cure(authority: Authority, row: str) -> None:
    days, name, trusted, text = ROWS[row]
    with scripted(answering(whole(b"{}")), tls=authority.server(days=days, name=name)) as server:
        found = reason_of(server.url.replace("http:", "https:"), authority.bundle if trusted else None)
    assert text in found
    assert found.startswith("tls: ")
    assert found.count(";") <= 2
    assert ("--ca-bundle" in found) is (row == "unknown-issuer")


def test_a_right_certificate_is_accepted(authority: Authority) -> None:
    with scripted(answering(whole(b"{}")), tls=authority.server(days=1, name=GOOD)) as server:
        assert reason_of(server.url.replace("http:", "https:"), authority.bundle) == ""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Python demands these extensions from 3.13 on")
def test_a_certificate_without_the_extensions_of_rfc_5280_is_named(tmp_path: Path) -> None:
    authority = authority_in(tmp_path)
    with scripted(answering(whole(b"{}")), tls=authority.server(days=1, name=GOOD)) as server:
        found = reason_of(server.url.replace("http:", "https:"), authority.bundle)
    assert "does not follow RFC 5280 (CA cert does not include key usage extension); Python 3.13 demands it" in found
    assert "--ca-bundle" not in found


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("run",), ("gateway", "--upstream-port", "{port}", "--speaks", "openai-chat"), ("load", "--model", "m")],
    ids=lambda words: words[0],
)
def test_no_command_judges_a_target_whose_certificate_has_expired(
    authority: Authority,
    words: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    free_port: int,
) -> None:
    if words[0] == "load":
        pytest.importorskip("locust", reason="the extra `load` is not installed")
    monkeypatch.setenv("MESSAGES_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
    with scripted(answering(whole(b"{}")), tls=authority.server(days=-1, name=GOOD)) as server:
        command, *options = (word.replace("{port}", str(free_port)) for word in words)
        code = main([command, server.url.replace("http:", "https:"), *options])
    printed = capfd.readouterr()
    assert code == 2, printed
    assert "has a certificate that has expired" in printed.out
    assert "Traceback" not in printed.out + printed.err


@pytest.fixture
def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port
