"""Certificates and proxies of the environment that cannot be used are named, with the cure."""

from __future__ import annotations

import asyncio
import socket

import pytest

from messages_conformance.exchange import Failure, Request
from messages_conformance.targets import TargetError, Unreachable, open_target

KEY = "sk-0123456789abcdef"
HOST = "https://host.invalid"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def refused(url: str) -> str:
    with pytest.raises(TargetError) as caught:
        open_target(url, key=KEY)
    return str(caught.value)


def failed(url: str) -> Failure:
    async def run() -> None:
        target = open_target(url, key=KEY, timeout_s=30)
        try:
            await target.send(Request(method="GET", path="/v1/models", headers=(), body=b""))
        finally:
            await target.aclose()

    with pytest.raises(Unreachable) as caught:
        asyncio.run(run())
    return caught.value.failure


def test_a_file_of_certificates_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    assert "SSL_CERT_FILE=/nowhere/ca.pem cannot be read (No such file or directory)" in refused(HOST)


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert f"the proxy {proxy} of HTTPS_PROXY cannot be used" in refused(HOST)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_dead_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv(variable, f"http://user:secret-of-proxy@127.0.0.1:{port}")
    message = failed(HOST).message
    assert f"cannot be reached through the proxy http://127.0.0.1:{port} of {variable}" in message
    assert "secret-of-proxy" not in message


def test_a_proxy_that_does_not_resolve_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://no-such-proxy.invalid:3128")
    assert "the proxy http://no-such-proxy.invalid:3128 of HTTPS_PROXY" in failed(HOST).message


def test_without_a_proxy_none_is_named() -> None:
    assert "proxy" not in failed(HOST).message
