"""A key that comes back in every spelling through a live `proxy`, `gateway` or `load` is in nothing that is written."""

from __future__ import annotations

import base64
import io
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line import run
from misbehaving import DISGUISES, KEY, Endpoints
from rich.console import Console
from test_key import check, decoded, plain

from messages_conformance.gateway import GatewayOptions, judge_gateway
from messages_conformance.load.load_options import KEY_VARIABLE, LoadOptions
from messages_conformance.load.load_test import LoadTest
from messages_conformance.masking import forget_secrets
from messages_conformance.reference_gateway import TRANSLATES, UPSTREAM_KEY, Change, Settings, served
from messages_conformance.reference_gateway.changes import Events, Failed, Fields
from messages_conformance.session import Clock, SessionOptions

CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
ROUNDS = 2 * (len(DISGUISES) + 1)
CLIENT = f"""
import httpx, os
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
headers = {{"x-api-key": {KEY!r}, "anthropic-version": "2023-06-01", "content-type": "application/json"}}
ask = {{"model": "reference-1", "max_tokens": 40, "messages": [{{"role": "user", "content": "Hello"}}]}}
with httpx.Client() as client:
    for number in range({ROUNDS}):
        client.post(url, headers=headers, json={{**ask, "stream": number % 2 == 0}})
    client.post(url, headers=headers, json={{**ask, "max_tokens": -1}})
"""


def check_files(folder: Path) -> None:
    """Checks every file, and the bodies in a recording of exchanges."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"report.json", "exchanges.jsonl"} <= {path.name for path in files}
    for path in files:
        check(path.read_text("utf-8"))


@pytest.mark.slow
def test_a_proxy_writes_no_key_in_any_spelling(endpoints: Endpoints, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    upstream = endpoints.url("disguises_key_in_turn")
    arguments = ("--port", "0", "--upstream", upstream, "--report", str(folder), "--", sys.executable, "-c", CLIENT)
    outcome = run("proxy", *arguments)
    assert outcome.code == 1, outcome.all
    assert "auth.key-not-echoed" in outcome.all
    check(outcome.all)
    check_files(folder)


@pytest.mark.slow
def test_a_load_test_writes_no_key_in_any_spelling(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    printed, folder = io.StringIO(), tmp_path / "report"
    url = endpoints.url("disguises_key_in_turn")
    options = LoadOptions(url=url, model="reference-1", session={"report": folder})
    test = LoadTest(options, clock=CLOCK, out=Console(file=printed, width=200))
    assert test.prepare()
    line = test.line()
    for _ in range(ROUNDS):
        test.one(line)
    line.close()
    assert test.finish() == 1
    forget_secrets()
    check(printed.getvalue())
    check_files(folder)


# -- a gateway that repeats both keys --------------------------------------------------------------------------------


def _spelled() -> bytes:
    """Both keys in every spelling, as the inside of a JSON string."""
    return " ".join(disguise(key) for key in (KEY, UPSTREAM_KEY) for disguise in DISGUISES.values()).encode()


def _in_errors(failed: Failed) -> Failed:
    return replace(failed, body=failed.body.replace(b'"message": "', b'"message": "' + _spelled() + b" "))


def _in_texts(message: Fields) -> Fields:
    return {**message, "content": [{"type": "text", "text": json.loads(b'"' + _spelled() + b'"')}]}


async def _cut_in_two(events: Events) -> AsyncIterator[Fields]:
    async for event in events:
        yield event
        if event["type"] == "content_block_start" and event["content_block"]["type"] == "text":
            for key in (KEY, UPSTREAM_KEY):
                for part in (key[:7], key[7:]):
                    delta = {"type": "text_delta", "text": part}
                    yield {"type": "content_block_delta", "index": event["index"], "delta": delta}


REPEATS_KEYS = Change(
    name="repeats_keys",
    summary="Both keys are in every answer, and the client's in the request to the upstream.",
    failed=_in_errors,
    message=_in_texts,
    events=_cut_in_two,
    headers=lambda headers, _: {**headers, "x-forwarded-auth": base64.b64encode(f"user:{KEY}".encode()).decode()},
    reply=lambda headers, _: (*headers, ("x-debug", DISGUISES["percent"](UPSTREAM_KEY))),
)


def _check_both(text: str) -> None:
    check(text)
    for form in plain(text):
        assert UPSTREAM_KEY not in form
        assert all(UPSTREAM_KEY not in inner for inner in decoded(form))


def test_a_gateway_run_writes_no_key_in_any_spelling(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    printed = io.StringIO()
    settings = Settings(mode=TRANSLATES, upstream=f"http://127.0.0.1:{port}", changes=(REPEATS_KEYS,))
    with served(settings) as url:
        options = GatewayOptions(
            url=url,
            port=port,
            dialect="openai-chat",
            key=KEY,
            only_cases=("text", "system", "status-400", "status-429"),
            session=SessionOptions(report=tmp_path / "report"),
        )
        code, result = judge_gateway(options, out=Console(file=printed, width=200))
    forget_secrets()
    failed = {verdict.requirement for verdict in result.verdicts if verdict.outcome == "fail"}
    assert code == 1
    assert {"gateway.credentials.client-key", "gateway.credentials.upstream-key"} <= failed
    _check_both(printed.getvalue())
    for path in (tmp_path / "report").rglob("*"):
        _check_both(path.read_text("utf-8") if path.is_file() else "")
