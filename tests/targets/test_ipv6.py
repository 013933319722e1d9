"""A target that has only an IPv6 address is reached by it."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from scripted_server import whole

from messages_conformance.contract import profile
from messages_conformance.engine import compose
from messages_conformance.exchange import Ask
from messages_conformance.targets import open_target


def test_an_address_in_brackets_is_reached() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    seen: list[bytes] = []

    def answer() -> None:
        sock, _ = listener.accept()
        with sock:
            seen.append(sock.recv(65_536))
            sock.sendall(whole(b'{"data": []}'))

    thread = threading.Thread(target=answer)
    thread.start()
    port = listener.getsockname()[1]
    ask = Ask(situation="models", method="GET", path="/v1/models", expect="either")

    async def run() -> int:
        target = open_target(f"http://[::1]:{port}", key="sk-0123456789abcdef", timeout_s=30)
        try:
            return (await target.send(compose(ask, profile=profile("tokmodel"), model=None))).status
        finally:
            await target.aclose()

    try:
        assert asyncio.run(run()) == 200
    finally:
        listener.close()
        thread.join()
    assert b"Host: [::1]:%d\r\n" % port in seen[0]
