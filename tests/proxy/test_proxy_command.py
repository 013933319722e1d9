"""The command `proxy` against the reference endpoint, with the official SDK and with a client that misbehaves."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from command_line import run, started
from misbehaving import PATIENCE_S

from messages_conformance.reference import API_KEY, serve

SDK = f"""
import anthropic
client = anthropic.Anthropic(api_key={API_KEY!r}, max_retries=0)
ask = dict(model="claude-opus-4-5", max_tokens=40, messages=[{{"role": "user", "content": "Hello"}}])
client.messages.create(**ask)
with client.messages.stream(**ask) as stream:
    for _ in stream:
        pass
print("client:", stream.get_final_message().stop_reason)
"""
HEADERS = {"x-api-key": API_KEY, "anthropic-version": "2023-06-01", "content-type": "application/json"}
ASK = {"model": "claude-opus-4-5", "max_tokens": 40, "messages": [{"role": "user", "content": "Hello"}]}


def proxy(upstream: str, *arguments: str, command: tuple[str, ...] = ()) -> tuple[int, str]:
    after = ("--", *command) if command else ()
    outcome = run("proxy", "--port", "0", "--upstream", upstream, *arguments, *after)
    return outcome.code, outcome.all


def test_the_official_sdk_passes_through_and_the_endpoint_is_judged(tmp_path: Path) -> None:
    with serve() as server:
        code, said = proxy(server.base_url, "--report", str(tmp_path / "r"), command=(sys.executable, "-c", SDK))
    assert code == 0, said
    assert "client: end_turn" in said
    lines = re.findall(r"^POST /v1/messages  claude-opus-4-5  200  \d+ in, \d+ out  first byte \d+ ms  ok$", said, re.M)
    assert len(lines) == 2, said
    assert "CONFORMS to profile anthropic-2023-06-01" in said
    for path in (tmp_path / "r").iterdir():
        assert API_KEY not in path.read_text(), path
    run("check", str(tmp_path / "r")).out.index("CONFORMS to profile anthropic-2023-06-01")


def test_a_fault_is_found_and_decides_over_a_command_that_succeeds() -> None:
    with serve(fault="drop_message_stop") as server:
        code, said = proxy(server.base_url, command=(sys.executable, "-c", SDK.replace("print", "()and ")))
    assert code == 1, said
    assert "FAIL stream.order.message-stop-once" in said
    assert "stream.order.message-stop-once  MUST" in said


def test_json_is_alone_on_standard_output() -> None:
    with serve() as server:
        words = ("proxy", "--port", "0", "--upstream", server.base_url, "--output", "json", "--")
        outcome = run(*words, sys.executable, "-c", SDK)
    assert outcome.code == 0, outcome.all
    assert json.loads(outcome.out)["exit_code"] == 0
    for text in ("listening on", "client: end_turn", "POST /v1/messages"):
        assert text in outcome.err


def test_the_exit_code_of_a_failing_command_counts() -> None:
    with serve() as server:
        code, said = proxy(server.base_url, command=(sys.executable, "-c", SDK + "raise SystemExit(7)"))
    assert code == 7, said
    assert "CONFORMS" in said


def test_fail_fast_ends_at_the_first_violation() -> None:
    waiting = SDK.replace("print", "()and ") + "\nimport time\ntime.sleep(600)"
    with serve(fault="drop_message_stop") as server:
        code, said = proxy(server.base_url, "--fail-fast", command=(sys.executable, "-c", waiting))
    assert code == 1, said


def test_nothing_passed_is_not_judged() -> None:
    code, said = proxy("http://127.0.0.1:9", command=(sys.executable, "-c", "pass"))
    assert code == 2, said
    assert "COULD NOT BE JUDGED: no request to /v1/messages passed" in said


def test_ctrl_c_ends_with_the_report(tmp_path: Path) -> None:
    with serve() as server:
        process = started("proxy", "--port", "0", "--upstream", server.base_url)
        assert process.stdout is not None
        head = ""
        while "listening on" not in head:
            head = process.stdout.readline()
        address = head.split()[2].rstrip(",")
        answer = httpx.post(
            f"{address}/v1/messages",
            json=ASK,
            headers={"x-api-key": API_KEY, "anthropic-version": "2023-06-01"},
            timeout=PATIENCE_S,
        )
        assert answer.status_code == 200
        assert httpx.get(f"{address}/health", timeout=PATIENCE_S).status_code == 401
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    assert "CONFORMS to profile anthropic-2023-06-01" in out
    assert "1 exchange" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--upstream", "api.example.com"), "--upstream is 'api.example.com'; it is an address that begins with http"),
        ((), "no --upstream was given"),
        (("--upstream", "http://127.0.0.1:9", "--port", "70000"), "--port is 70000"),
        (("--upstream", "http://127.0.0.1:9", "--profile", "none"), "none"),
        (("--upstream", "http://127.0.0.1:9", "--port", "0", "--", "no-such-command-4711"), "cannot be started"),
    ],
)
def test_wrong_usage_is_one_message(arguments: tuple[str, ...], message: str) -> None:
    outcome = run("proxy", *arguments)
    assert outcome.code == 4, outcome.all
    assert message in outcome.err
    assert outcome.err.count("\n") == 1, outcome.err


def test_a_port_in_use_is_one_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        outcome = run("proxy", "--upstream", "http://127.0.0.1:9", "--port", port)
    assert outcome.code == 4
    assert f"port {port} cannot be used (Address already in use); name another with --port" in outcome.error


def test_an_upstream_that_breaks_off_is_found_and_the_client_sees_it() -> None:
    body = json.dumps({**ASK, "stream": True})
    client = (
        "import httpx, os, sys\n"
        f"headers = {HEADERS!r}\n"
        f"url = os.environ['ANTHROPIC_BASE_URL'] + '/v1/messages'\n"
        f"body = {body!r}\n"
        "try:\n    httpx.post(url, content=body, headers=headers, timeout=None)\n"
        "except httpx.RemoteProtocolError:\n    print('client: broken')\n"
    )
    with serve(fault="reset_in_stream") as server:
        code, said = proxy(server.base_url, command=(sys.executable, "-c", client))
    assert "client: broken" in said
    assert code == 1, said
