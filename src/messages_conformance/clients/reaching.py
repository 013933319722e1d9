"""Whether a target answers at all: asked once through the recorder, before any client is driven.

A client against an address where nothing answers fails in every scenario, which says nothing about the client.
"""

from __future__ import annotations

import contextlib
import urllib.request
from http.client import HTTPException
from typing import Final

from messages_conformance.clients.recording import Recorder

SCENARIO: Final = "preflight"
ANSWER_S: Final = 10.0
"""Longest wait for the first answer (our own). A target that accepts the connection and is slow is not unreachable."""

ASKED: Final = (("GET", "/v1/models", None), ("POST", "/v1/messages", b"{}"))
"""Requests that cost nothing. A target is unreachable only if each of them fails: one route alone may be broken."""


class Unreachable(Exception):
    """Nothing at the address speaks HTTP; the message says why."""


def check_reachable(recorder: Recorder) -> None:
    """Raises Unreachable if no request gets an answer, because of the connection or of bytes that are no HTTP."""
    for method, path, body in ASKED:
        _ask(recorder.base_url.format(scenario=SCENARIO) + path, method, body)
    failures = recorder.failures(SCENARIO)
    if len(failures) == len(ASKED):
        raise Unreachable(failures[-1].replace("the upstream", "the target", 1))


def _ask(url: str, method: str, body: bytes | None) -> None:
    request = urllib.request.Request(url, data=body, method=method, headers={"content-type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the recorder is on loopback
    with contextlib.suppress(OSError, HTTPException), opener.open(request, timeout=ANSWER_S) as answer:
        answer.read(1)
