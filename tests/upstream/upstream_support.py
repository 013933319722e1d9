"""Shared by the tests of the upstream: scripts, prompts, and the events of a stream."""

from __future__ import annotations

import json
from typing import Any

from messages_conformance.reference import HttpRequest
from messages_conformance.upstream import Chunking, Reasoning, Script, Service, Text, ToolCall, Usage
from messages_conformance.upstream.script import Dialect

WORDS = "Grüße aus Köln 🦜, und 你好!"
CALLS = (
    ToolCall("get_weather", arguments='{"city": "Zürich", "n": 12345678901234567890}', id="call_one"),
    ToolCall("get_time", arguments='{"zone":"UTC"}', id="call_two"),
)
TALK = Script(blocks=(Text(WORDS),), usage=Usage(input=30, output=9, cached=4))
PARALLEL = Script(blocks=CALLS, chunking=Chunking(sizes=(1,), writes="inside-characters"))
EVERYTHING = Script(
    blocks=(Reasoning("I think.", signature="c2lnbmVk"), Text("Two calls."), *CALLS),
    chunking=Chunking(sizes=(3,), writes="inside-characters", interleaved=True),
    usage=Usage(input=30, output=9, cached=4, reasoning=5),
)
PATHS = {"anthropic": "/v1/messages", "openai-chat": "/v1/chat/completions", "openai-responses": "/v1/responses"}


def prompt(script: Script) -> str:
    """The text of a user turn with a script."""
    return f"Please answer. {script.token()} Thank you."


def body(dialect: Dialect, text: str, **fields: Any) -> dict[str, Any]:
    """The smallest request of a dialect with one user turn."""
    turns = [{"role": "user", "content": text}]
    if dialect == "openai-responses":
        return {"model": "m", "input": text, **fields}
    limit = {"max_tokens": 500} if dialect == "anthropic" else {}
    return {"model": "m", "messages": turns, **limit, **fields}


def request(dialect: Dialect, value: Any, path: str = "") -> HttpRequest:
    """A request that creates an answer."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = (("content-type", "application/json"), ("authorization", "Bearer upstream-key"))
    return HttpRequest(method="POST", target=path or PATHS[dialect], headers=headers, body=data)


def answered(dialect: Dialect, script: Script, **fields: Any) -> tuple[int, bytes]:
    """Status and body of the answer to a script, without a socket."""
    response = Service(dialect).handle(request(dialect, body(dialect, prompt(script), **fields)))
    return response.status, response.body()


def events(data: bytes) -> list[Any]:
    """The JSON values of a stream; comments and `[DONE]` left out."""
    lines = [line.removeprefix("data: ") for line in data.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]
