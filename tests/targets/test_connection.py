"""Added headers, a base path and certificates: what is sent, what is recorded, and what a wrong value says."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from scripted_server import Connection as Peer
from scripted_server import ScriptedServer, answering, scripted, whole

from messages_conformance.contract import profile
from messages_conformance.engine import compose
from messages_conformance.exchange import Ask, Request, Response
from messages_conformance.masking import forget_secrets, masked
from messages_conformance.options import problem
from messages_conformance.targets import Connection, HttpTarget, TargetError, Unreachable, open_target

KEY = "sk-0123456789abcdef"
VALUE = "access-4711-token"
LISTING = Ask(situation="models", method="GET", path="/v1/models", expect="either")


@pytest.fixture(autouse=True)
def _forgets() -> object:
    yield
    forget_secrets()


def exchanged(url: str, connection: Connection) -> tuple[Request, Response]:
    """The request as it is recorded, and the response."""
    names = tuple(name for name, _ in connection.headers)
    request = compose(LISTING, profile=profile("anthropic-2023-06-01"), model=None, added=names)

    async def run() -> Response:
        target = open_target(url, key=KEY, timeout_s=30, connection=connection)
        try:
            return await target.send(request)
        finally:
            await target.aclose()

    return request, asyncio.run(run())


def echoing(seen: list[bytes]) -> object:
    def script(peer: Peer) -> None:
        while True:
            seen.append(peer.request())
            peer.send(whole(b'{"echo": "' + VALUE.encode() + b'"}'))

    return script


def test_a_header_is_sent_and_neither_recorded_nor_shown() -> None:
    seen: list[bytes] = []
    with scripted(echoing(seen)) as server:  # type: ignore[arg-type]
        request, response = exchanged(server.url, Connection(headers=(("x-access", f"Token {VALUE}"),)))
    assert f"x-access: Token {VALUE}".encode().lower() in seen[0].lower()
    assert ("x-access", "$MESSAGES_HEADER_X_ACCESS") in request.headers
    assert response.json == {"echo": "$MESSAGES_HEADER_X_ACCESS"}
    assert masked(f"the server said {VALUE}") == "the server said $MESSAGES_HEADER_X_ACCESS"


def test_a_header_of_the_request_itself_is_kept() -> None:
    asked = Ask(situation="s", method="GET", path="/v1/models", headers=(("user-agent", "mine"),), expect="either")
    request = compose(asked, profile=profile("anthropic-2023-06-01"), model=None, added=("User-Agent",))
    assert [value for name, value in request.headers if name.lower() == "user-agent"] == ["mine"]


def test_the_base_path_follows_the_address() -> None:
    seen: list[bytes] = []
    with scripted(echoing(seen)) as server:  # type: ignore[arg-type]
        exchanged(f"{server.url}/v1", Connection(base_path="/gateway/anthropic/v1/"))
    assert seen[0].startswith(b"get /gateway/anthropic/v1/models ") or b"/gateway/anthropic/v1/models " in seen[0]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("no colon", "--header number 1 is not NAME:VALUE"),
        (f"bad name: {VALUE}", "--header number 1 is not NAME:VALUE"),
        ("x-access:", "--header x-access has no value"),
        (f"x-access: {VALUE}\r\nx-other: 1", "has a character that no header can have"),
        (f"X-Api-Key: {VALUE}", "would replace the key"),
        ("content-length: 5", "is set by each request itself"),
    ],
)
def test_a_header_that_cannot_be_added_is_refused_without_its_value(header: str, said: str) -> None:
    sentence = problem({"header": [header]})
    assert said in sentence
    assert VALUE not in sentence


def test_a_header_is_given_once() -> None:
    assert "--header x-a is given twice" in problem({"header": ["X-A: 1", "x-a: 2"]})
    assert problem({"header": ["X-A: 1", "x-b: 2"]}) == ""


@pytest.mark.parametrize("path", ["", "gateway", "/a?b=c", "/a/../b", "//", "/a b", "https://host/a"])
def test_a_base_path_that_is_none_is_refused(path: str) -> None:
    assert problem({"base_path": path}).startswith("--base-path is ")


@pytest.mark.parametrize("path", ["/gateway", "/v1/gateway/", "/a.b/c_d"])
def test_a_base_path_is_a_path(path: str) -> None:
    assert problem({"base_path": path}) == ""


def test_a_key_needs_its_certificate() -> None:
    assert problem({"client_key": "key.pem"}).startswith("--client-key needs --client-cert")
    assert problem({"client_key": "key.pem", "client_cert": "cert.pem"}) == ""


# -- certificates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path

    def server(self, *, clients: Path | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key"), "-out", str(folder / "cert"), "-days", "1"]
    subprocess.run(command, check=True, capture_output=True)
    return Certificate(folder / "cert", folder / "key")


def secured(server: ScriptedServer) -> str:
    return server.url.replace("http:", "https:")


OK = answering(whole(b"{}"))


def test_a_bundle_is_trusted(own: Certificate) -> None:
    with scripted(OK, tls=own.server()) as server:
        _, response = exchanged(secured(server), Connection(ca_bundle=str(own.cert)))
    assert response.status == 200


def test_without_verification_a_run_has_a_warning(own: Certificate) -> None:
    with scripted(OK, tls=own.server()) as server:
        _, response = exchanged(secured(server), Connection(insecure=True))
        target = open_target(secured(server), key=KEY, connection=Connection(insecure=True))
    assert response.status == 200
    assert "the certificate of the target was not verified" in target.warning
    assert open_target(secured(server), key=KEY).warning == ""


def test_a_server_that_requires_a_certificate_gets_it(own: Certificate) -> None:
    shown = Connection(ca_bundle=str(own.cert), client_cert=str(own.cert), client_key=str(own.key))
    with scripted(OK, tls=own.server(clients=own.cert)) as server:
        _, response = exchanged(secured(server), shown)
        with pytest.raises(Unreachable):
            exchanged(secured(server), Connection(ca_bundle=str(own.cert)))
    assert response.status == 200


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (Connection(ca_bundle="/nowhere/ca.pem"), "--ca-bundle: '/nowhere/ca.pem' cannot be used (No such file"),
        (Connection(ca_bundle=__file__), "name a file of certificates in PEM form"),
        (Connection(client_cert="/nowhere/c.pem"), "--client-cert: '/nowhere/c.pem' (certificate and key in one file)"),
        (Connection(client_cert=__file__, client_key=__file__), "the key without a passphrase"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(connection: Connection, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        open_target("https://host.invalid", key=KEY, connection=connection)
    assert said in str(caught.value)


# -- stages ----------------------------------------------------------------------------------------------------------


def stages(url: str, connection: Connection = Connection()) -> str:  # noqa: B008 (frozen)
    target = open_target(url, key=KEY, connection=connection)
    assert isinstance(target, HttpTarget)
    return str(asyncio.run(target.failing_stage()))


def test_a_name_that_does_not_resolve_fails_at_dns() -> None:
    assert stages("https://no-such-host.invalid") == (
        "stages: URL works, DNS fails; not reached: TCP, TLS, HTTP, key, model"
    )


def test_a_port_where_nothing_listens_fails_at_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert stages(f"http://127.0.0.1:{port}") == "stages: URL works, TCP fails; not reached: HTTP, key, model"


def test_an_unknown_certificate_fails_at_tls(own: Certificate) -> None:
    with scripted(OK, tls=own.server()) as server:
        assert "URL, TCP work, TLS fails; not reached: HTTP, key, model" in stages(secured(server))
        assert "TLS work, HTTP fails" in stages(secured(server), Connection(ca_bundle=str(own.cert)))


def test_a_dead_proxy_fails_as_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert stages("https://host.invalid") == "stages: URL works, proxy fails; not reached: HTTP, key, model"
