"""A script travels as a token: it survives what gateways do with text, and a damaged one is never another script."""

from __future__ import annotations

import json
import zlib
from base64 import b32encode

import pytest

from messages_conformance.upstream import (
    Chunking,
    Failure,
    Interruption,
    Pause,
    Reasoning,
    Refusal,
    Script,
    Text,
    ToolCall,
    UnreadableToken,
    Usage,
    script_in,
)
from messages_conformance.upstream.tokens import MAX_SCRIPT_BYTES, packed, token_in

FULL = Script(
    case="parallel calls",
    blocks=(
        Reasoning("First: 🦜", signature="c2ln"),
        Text("grüß\u0000 \ud83d"),
        ToolCall("get_weather", arguments='{"n": 12345678901234567890}', id="call_1"),
        Refusal("No."),
    ),
    finish="length",
    usage=Usage(input=5, output=4, cached=3, reasoning=1),
    usage_place="finish",
    chunking=Chunking(sizes=(1, 0, 3), writes="inside-characters", interleaved=True),
    failure=Failure(status=529, body="<html>", content_type="text/html"),
    interruption=Interruption(after=2, how="error", failure=Failure(status=500, message="gone")),
    pauses=(Pause(after=1, seconds=0.25, keep_alive_s=0.1),),
    headers=(("retry-after", "7"),),
    wait_before_headers_s=1,
)
TOKEN = FULL.token()


def test_a_token_is_letters_and_digits_and_says_everything() -> None:
    assert TOKEN.isascii()
    assert TOKEN.isalnum()
    assert script_in(TOKEN) == FULL
    assert script_in(Script().token()) == Script()
    assert Script(case="a").token() != Script(case="b").token()


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": f"before {TOKEN} after"}]},
        {"messages": [{"role": "user", "content": f"before{TOKEN}after234"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": TOKEN.upper()}]}]},
        {"input": f"Hello {TOKEN}", "model": "m"},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": TOKEN}]}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": TOKEN}]},
        {"messages": [{"role": "user", "content": TOKEN}, {"role": "assistant", "content": Script().token()}]},
        {"messages": [{"role": "user", "content": Script().token()}, {"role": "tool", "content": TOKEN}]},
        {"messages": [{"role": "user", "content": TOKEN}], "system": Script().token()},
        {"prompt": [Script().token(), TOKEN]},
        json.dumps({"messages": [{"role": "user", "content": TOKEN}]}).encode(),
        f"\n\nHuman: {TOKEN}\n\nAssistant:",
    ],
)
def test_the_last_token_of_the_user_counts_in_every_dialect(body: object) -> None:
    assert script_in(body) == FULL
    assert token_in(body) == TOKEN


@pytest.mark.parametrize(
    "body", [{}, [], None, 7, b"\xff", "script", "script 5z", {"messages": "x"}, {"script9zaa": 1}]
)
def test_a_body_without_a_token_has_no_script(body: object) -> None:
    assert script_in(body) is None


def compressed(value: object) -> str:
    payload = b32encode(zlib.compress(json.dumps(value).encode())).decode().rstrip("=").lower()
    return f"script{len(payload)}z{payload}"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (TOKEN[:-5], "characters arrived"),
        (TOKEN[:40] + "a" + TOKEN[41:] if TOKEN[40] != "a" else TOKEN[:40] + "b" + TOKEN[41:], "changed on the way"),
        ("script9999999zaa", "only 2 of its 9999999"),
        ("script1za", "changed on the way"),
        ("script0z", "incomplete"),
        (compressed(["x" * (MAX_SCRIPT_BYTES + 1)]), f"more than {MAX_SCRIPT_BYTES} bytes"),
        (compressed([]), "a Script is an object"),
        (compressed({"colour": 1}), "unknown field 'colour'; a Script has"),
        (compressed({"usage": {"inputs": 1}}), "unknown field 'inputs'; a Usage has"),
        (compressed({"usage": {"input": "1"}}), "usage: input: expected int"),
        (compressed({"blocks": [{"txt": "x"}]}), "a block has none of the fields text,"),
        (compressed({"blocks": 3}), "expected array"),
        (compressed({"interruption": {"after": 1, "how": "boom"}}), "interruption"),
        (packed({"wait_before_headers_s": 1e9}), "a wait is not between"),
        (compressed({"chunking": {"sizes": [0]}}), "sizes needs numbers"),
        (compressed({"failure": {"status": 99}}), "failure.status"),
        (compressed({"headers": [["a\r\nb", "c"]]}), "headers"),
    ],
)
def test_a_token_that_cannot_be_read_says_why(token: str, why: str) -> None:
    with pytest.raises(UnreadableToken) as raised:
        script_in({"messages": [{"role": "user", "content": f"{token} "}]})
    assert why in str(raised.value)
