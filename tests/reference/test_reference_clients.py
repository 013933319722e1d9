"""The endpoint accepts what real clients send.

client_shapes.jsonl has one request of each form that ten clients sent on 2026-11-22: anthropic
2.12.0 and 0.75.0, langchain-anthropic 1.7.7, pydantic-ai 2.68.0, litellm 1.106.2, instructor 1.17.0 and llama-index
0.12.3 (PyPI), @anthropic-ai/sdk 1.12.0, ai 6.0.326 and @anthropic-ai/claude-code 2.1.197 (npm). Long texts are
shortened, Claude Code's tools are reduced to a few, and requests that differ only in their words appear once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from reference_support import document, post

from messages_conformance.reference import API_KEY, Endpoint, HttpResponse, Settings
from messages_conformance.reference.request_blocks import signature

SHAPES = [json.loads(line) for line in (Path(__file__).parent / "client_shapes.jsonl").read_text("utf-8").splitlines()]
MIN_SHAPES = 50
THREADED = [shape for shape in SHAPES if "thread" in shape.get("body", {})]


def shape_id(shape: dict[str, Any]) -> str:
    return f"{shape['client']}-{SHAPES.index(shape)}"


def sent(endpoint: Endpoint, shape: dict[str, Any], **changes: Any) -> HttpResponse:
    headers = [("content-type", "application/json"), ("anthropic-version", shape["version"])]
    headers.append(("x-api-key", API_KEY) if shape["auth"] == "x-api-key" else ("authorization", f"Bearer {API_KEY}"))
    headers += [(f"{name}", shape[name]) for name in ("accept",) if name in shape]
    headers += [("anthropic-beta", shape["beta"])] if "beta" in shape else []
    body = with_own_signatures({**shape["body"], **changes}) if "body" in shape else b""
    return post(endpoint, body, path=shape["path"], headers=tuple(headers), method=shape["method"])


def with_own_signatures(value: Any) -> Any:
    """The body with thinking blocks signed by this endpoint, because it refuses the signatures of another server."""
    if isinstance(value, list):
        return [with_own_signatures(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "thinking" and "thinking" in value:
        return {**value, "signature": signature(value["thinking"])}
    return {name: with_own_signatures(item) for name, item in value.items()}


def serving(shape: dict[str, Any]) -> Endpoint:
    """An endpoint that has the model of a request."""
    return Endpoint(settings=Settings(models=(shape.get("body", {}).get("model", "reference-1"),)))


def test_there_are_shapes_of_every_client() -> None:
    assert len(SHAPES) >= MIN_SHAPES
    assert len({shape["client"] for shape in SHAPES}) == 10


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in THREADED], ids=shape_id)
def test_accepts_what_clients_send(shape: dict[str, Any]) -> None:
    response = sent(serving(shape), shape)
    assert response.status == 200, response.body()
    assert response.is_stream is bool(shape.get("body", {}).get("stream"))


def test_continues_the_threads_that_clients_begin() -> None:
    begun = [shape for shape in THREADED if shape["body"]["thread"]["type"] == "create"]
    continued = [shape for shape in THREADED if shape["body"]["thread"]["type"] == "continue"]
    assert begun
    assert continued
    for shape in continued:
        endpoint = serving(shape)
        choice = {"type": "tool", "name": begun[0]["body"]["tools"][0]["name"]}
        first = document(sent(endpoint, begun[0], stream=False, tool_choice=choice))
        thread = {"type": "continue", "previous_message_id": first["id"]}
        result = {**shape["body"]["messages"][0]["content"][0], "tool_use_id": first["content"][0]["id"]}
        turn = {"role": "user", "content": [result]}
        response = sent(endpoint, shape, thread=thread, messages=[turn])
        assert response.status == 200, response.body()
