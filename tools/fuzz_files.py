"""Gives the readers of files damaged ones: recordings of each format, saved reports, waivers, profiles, option files.

A reader either returns what a file says, or raises its own error, which names the file. `fuzz.py` runs these checks.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from messages_conformance import contract, report
from messages_conformance.captures import CaptureError, Reading, read_all
from messages_conformance.configuration import ConfigurationError
from messages_conformance.configuration import read as read_options
from messages_conformance.exchange import read_recording, to_record
from messages_conformance.gate import GateError
from messages_conformance.gate import read as read_waivers
from messages_conformance.input_files import InputError
from messages_conformance.proof import run
from messages_conformance.rules import ERROR, Judge

WRONG_FILE: Final = (
    CaptureError,
    ConfigurationError,
    GateError,
    InputError,
    report.ReportError,
    contract.ContractError,
)
"""The errors that say that a file is wrong."""

PROFILE: Final = "anthropic-2023-06-01"
SHOWN_EXCHANGES: Final = 3

WAIVERS: Final = """
[[waiver]]
requirement = "response.id.prefix"
reason = "known"
owner = "somebody"
expires = 2099-01-01
"""
OWN_PROFILE: Final = """
title = "x"
family = "anthropic"
auth = "bearer"
api_version = "2023-06-01"
needs_key = true
promises = ["text"]
judges = ["stream.*"]
"""
OPTIONS: Final = """
depth = "smoke"
only = ["stream.*"]
max-requests = 3

[targets.mine]
target = "http://localhost:1"
model = "x"
"""


@cache
def files() -> tuple[tuple[str, str], ...]:
    """(name, text) of a correct file of each kind."""
    _, found = run("reference:transport=memory", PROFILE, model="anthropic/claude-opus-4-5", seed=0, depth="smoke")
    few = [one for one in found.exchanges.values() if one.response is not None][:SHOWN_EXCHANGES]
    streamed = next(one for one in found.exchanges.values() if one.request.streamed and one.response is not None)
    har = json.loads(report.FORMATS["har"](found))
    har["log"]["entries"] = har["log"]["entries"][:SHOWN_EXCHANGES]
    assert streamed.response is not None
    body, sent = streamed.response.text, streamed.request.body.decode()
    pair = {"request": json.loads(sent), "response": body, "status": 200}
    return (
        ("exchanges.jsonl", "".join(json.dumps(to_record(one)) + "\n" for one in few)),
        ("report.json", report.FORMATS["json"](found)),
        ("a.har", json.dumps(har)),
        ("cassette.yaml", yaml.safe_dump(_cassette(sent, body))),
        ("cassette.json", json.dumps(_cassette(sent, body))),
        ("pairs.jsonl", (json.dumps(pair) + "\n") * 2),
        ("pairs.json", json.dumps([pair])),
        ("curl.txt", f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{body}"),
        ("stream.txt", body),
        ("waivers.toml", WAIVERS),
        ("profile.toml", OWN_PROFILE),
        ("messages-conformance.toml", OPTIONS),
    )


def _cassette(sent: str, body: str) -> dict[str, Any]:
    request = {"method": "POST", "uri": "https://x.invalid/v1/messages", "headers": {"accept": ["*/*"]}, "body": sent}
    status, headers = {"code": 200, "message": "OK"}, {"content-type": ["text/event-stream"]}
    response = {"status": status, "headers": headers, "body": {"string": body}}
    return {"version": 1, "interactions": [{"request": request, "response": response}]}


def check_file(name: str, content: bytes) -> None:
    """The readers of this kind of file return, or raise an error of WRONG_FILE; what a recording holds is judged."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        for read in _readers(name):
            with contextlib.suppress(*WRONG_FILE):
                read(path)


def _readers(name: str) -> tuple[Callable[[Path], object], ...]:
    if name == "report.json":
        return (_read_report,)
    if name.endswith(".toml"):
        return read_waivers, lambda path: contract.profile(str(path)), lambda path: read_options(path.parent, str(path))
    return _judge_recording, lambda path: list(read_recording(path))


def _read_report(path: Path) -> None:
    saved = report.load(path)
    for form in report.FORMATS.values():
        form(saved)
    report.exit_code(saved)


def _judge_recording(path: Path) -> None:
    judge = Judge(contract.profile(PROFILE))
    for exchange in read_all([str(path)], reading=Reading()):
        judge.add(exchange)
    errors = [f"{verdict.requirement}: {verdict.reason}" for verdict in judge.verdicts() if verdict.outcome == ERROR]
    assert not errors, errors[0]
