"""`judge-client` names the variants that break a client, and says what a client does with each fault.

The clients are scripts of the standard library, so that one run takes a tenth of a second.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import pytest
from command_line import ended, started
from jsonschema import Draft202012Validator

from messages_conformance import resources
from messages_conformance.cli import main
from messages_conformance.clients import (
    BROKEN,
    DETECTED,
    HANGS,
    NOT_EXERCISED,
    SURVIVED,
    SWALLOWED,
    WORKS,
    ControlFailed,
    TrialOptions,
    try_client,
)
from messages_conformance.clients.client_trials import Expected, default_faults, default_variants
from messages_conformance.clients.processes import Ran
from messages_conformance.clients.watched_changes import watched_fault
from messages_conformance.reference import Endpoint, HttpRequest, faults, variants

ASK = """
import json, os, sys, time, urllib.request
def ask(**fields):
    body = {"model": "claude-of-mine", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}], **fields}
    headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "content-type": "application/json"}
    address = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    return urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers)).read().decode()
"""
STRICT = (
    ASK
    + """
message = json.loads(ask())
unknown = set(message) - {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"}
assert not unknown - {"container", "context_management", "stop_details"}, unknown
print(message["stop_reason"], *[block["text"] for block in message["content"]])
"""
)
CARELESS = (
    ASK
    + """
message = json.loads(ask())
while not message.get("content"):
    time.sleep(1)
print(message["content"][0].get("text"))
"""
)


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", script)


def outcomes(script: str, **options: object) -> dict[str, str]:
    trials = try_client(TrialOptions(command=python(script), **options))  # type: ignore[arg-type]
    return {trial.name: trial.outcome for trial in trials.trials}


def test_what_a_client_does_with_variants_and_faults() -> None:
    found = outcomes(
        STRICT,
        variants=("unknown_fields", "long_ids", "windows_lines"),
        faults=("drop_connection", "claim_tool_use", "omit_usage", "count_nothing_in_documents", "drop_message_stop"),
    )
    assert found == {
        "unknown_fields": BROKEN,
        "long_ids": WORKS,
        "windows_lines": NOT_EXERCISED,
        "drop_connection": DETECTED,
        "claim_tool_use": SWALLOWED,
        "omit_usage": SURVIVED,
        "count_nothing_in_documents": SWALLOWED,
        "drop_message_stop": NOT_EXERCISED,
    }


def test_a_client_that_hangs_is_killed() -> None:
    assert outcomes(CARELESS, faults=("lose_text_in_documents",), time_limit_s=3.0) == {"lose_text_in_documents": HANGS}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_client_ends_with_the_command(number: signal.Signals, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"open({str(ready)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    command = started("judge-client", "--", *python("import os, time; " + script))
    while not (ready.exists() and ready.read_text()):  # the time limit of the test ends this loop
        time.sleep(0.02)
    command.send_signal(number)
    assert ended(command).code == 2
    client = Path(f"/proc/{ready.read_text()}/status")
    while client.exists() and "(zombie)" not in client.read_text():
        time.sleep(0.02)


def test_a_variant_that_breaks_a_client_only_once_is_tried_again(tmp_path: Path) -> None:
    """The third run fails: it is the first one after the two controls."""
    runs = f"""
runs = open({str(tmp_path / "runs")!r}, "a+")
runs.write("x"); runs.seek(0)
sys.exit(len(runs.read()) == 3)
"""
    assert outcomes(STRICT + runs, variants=("long_ids",)) == {"long_ids": WORKS}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (ASK + "ask(max_tokens=-1)", "exit code 1: urllib.error.HTTPError: HTTP Error 400"),
        ("print('nothing to do')", "sent no request"),
    ],
)
def test_a_client_that_fails_with_the_plain_endpoint_is_not_tried(script: str, why: str) -> None:
    with pytest.raises(ControlFailed, match=why):
        outcomes(script, faults=("omit_usage",))


def test_the_command_writes_valid_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "client.json"
    words = ["judge-client", "--variant", "unknown_fields", "--fault", "claim_tool_use", "--json", str(path), "--"]
    assert main([*words, *python(STRICT)]) == 1
    document = json.loads(path.read_text("utf-8"))
    Draft202012Validator(json.loads(resources.text("schemas/client_trials.json"))).validate(document)
    assert document["broken"] == ["unknown_fields"]
    out = capsys.readouterr().out
    assert "BREAKS         unknown_fields" in out
    assert "1 of them breaks the client: unknown_fields" in out
    assert "the client detects 0, survives 0, silently swallows 1, hangs with 0" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["judge-client"], "no command was given"),
        (["judge-client", "--fault", "omit_usag", "--", "true"], "omit_usage"),
        (["judge-client", "--time-limit", "0", "--", "true"], "--time-limit is 0"),
        (["judge-client", "--", "/no/such/program"], "cannot be started"),
        (["judge-client", "--", "false"], "exit code 1"),
    ],
)
def test_wrong_usage_ends_with_4(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 4
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_defaults_are_known_and_seen_in_the_field() -> None:
    assert len(set(default_faults())) == 30
    assert len(set(default_variants())) == 20
    assert all(faults()[name].seen for name in default_faults())
    assert set(default_variants()) <= set(variants())


def request(**fields: object) -> HttpRequest:
    body = {"model": "reference-1", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}], **fields}
    return HttpRequest(
        method="POST", target="/v1/messages", headers=(("x-api-key", "reference-key"),), body=json.dumps(body).encode()
    )


@pytest.mark.parametrize(
    ("fault", "fields", "shown"),
    [
        ("count_in_floats", {}, {1}),
        ("count_in_floats", {"stream": True}, set()),
        ("ignore_stream", {}, set()),
        ("ignore_stream", {"stream": True}, {1}),
        ("drop_message_stop@streamed", {"stream": True}, {1}),
        ("stream_for_ever", {"stream": True}, {1}),
        ("refuse_tools", {}, set()),
    ],
)
def test_a_fault_counts_the_requests_that_show_it(fault: str, fields: dict[str, object], shown: set[int]) -> None:
    change = watched_fault(fault)
    Endpoint(changes=(change,)).handle(request(**fields))
    assert change.requests == shown


@pytest.mark.parametrize(
    ("controls", "found", "same"),
    [
        (["ok\n", "ok\n"], "ok", True),
        (["ok", "ok"], "ko", False),
        (["5 passed in 0.31s", "5 passed in 0.29s"], "5 passed in 1.02s", True),
        (["5 passed in 0.31s", "5 passed in 0.29s"], "4 passed in 0.31s", False),
        (["a\nseed 17", "a\nseed 4"], "a\nseed 9", True),
        (["a\nseed 17", "a\nseed 4"], "b\nseed 9", False),
        (["a", "a\nb"], "c", True),
        (["a", "a"], "a\na", False),
        (["msg_01abc", "msg_01xyz"], "msg_01q", True),
    ],
)
def test_outputs_are_compared_as_far_as_they_are_steady(controls: list[str], found: str, same: bool) -> None:
    def ran(text: str) -> Ran:
        return Ran(code=0, output=text.encode(), size_bytes=len(text))

    assert Expected(tuple(map(ran, controls))).same(ran(found)) is same
