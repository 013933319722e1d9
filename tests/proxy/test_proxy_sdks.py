"""The official TypeScript SDK goes through the proxy, with all scenarios of its driver."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import started
from misbehaving import PATIENCE_S

from messages_conformance.reference import Server, serve

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))

from test_reference_sdks import DRIVE_TIMEOUT_S, EXPECTED, INSTALL_TIMEOUT_S, Sdks, sdks

__all__ = ["sdks"]  # the fixture

pytestmark = [pytest.mark.timeout(INSTALL_TIMEOUT_S + 2 * DRIVE_TIMEOUT_S), pytest.mark.slow]


@contextmanager
def proxied(server: Server, said: list[str]) -> Iterator[Server]:
    """The server as a client sees it through the proxy; at the end, `said` has the output and the exit code."""
    process = started("proxy", "--port", "0", "--upstream", server.base_url)
    assert process.stdout is not None
    head = ""
    while "listening on" not in head:
        head = process.stdout.readline()
    try:
        yield replace(server, base_url=head.split()[2].rstrip(","))
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        said += [out + err, str(process.returncode)]


@pytest.mark.parametrize("sdk", ["python", "typescript"])
def test_an_sdk_gets_the_same_answers_through_the_proxy(sdk: str, sdks: Sdks) -> None:
    said: list[str] = []
    with serve() as server, proxied(server, said) as through:
        results = sdks.drive(sdk, through)
    results.pop("version")
    assert results == EXPECTED
    assert said[1] == "0", said[0]
    assert "CONFORMS to profile anthropic-2023-06-01" in said[0]


@pytest.mark.parametrize("sdk", ["python", "typescript"])
def test_a_fault_is_found_in_the_traffic_of_an_sdk(sdk: str, sdks: Sdks) -> None:
    said: list[str] = []
    with serve(fault="drop_message_stop") as server, proxied(server, said) as through, suppress(AssertionError):
        sdks.drive(sdk, through)  # it fails on such an endpoint, or not: only the verdict matters here
    assert said[1] == "1", said[0]
    assert re.findall(r"^(\S+)  MUST$", said[0], re.MULTILINE) == ["stream.order.message-stop-once"], said[0]
