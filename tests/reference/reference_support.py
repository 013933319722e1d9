"""Requests for the reference endpoint, and a reader of event streams that accepts every permitted form."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

from messages_conformance.reference import API_KEY, Endpoint, HttpRequest, HttpResponse

HEADERS = (("content-type", "application/json"), ("x-api-key", API_KEY), ("accept-encoding", "gzip, deflate"))
VERSION = ("anthropic-version", "2023-06-01")


def body(question: Any = "Count from 1 to 9.", **fields: Any) -> dict[str, Any]:
    messages = question if isinstance(question, list) else [{"role": "user", "content": question}]
    return {"model": "reference-1", "max_tokens": 100, "messages": messages, **fields}


def post(
    endpoint: Endpoint,
    content: Any,
    *,
    path: str = "/v1/messages",
    headers: tuple[tuple[str, str], ...] = (*HEADERS, VERSION),
    method: str = "POST",
) -> HttpResponse:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return endpoint.handle(HttpRequest(method=method, target=path, headers=headers, body=data))


def get(endpoint: Endpoint, path: str) -> HttpResponse:
    return post(endpoint, b"", path=path, method="GET")


def decoded(response: HttpResponse) -> bytes:
    data = response.body()
    return gzip.decompress(data) if response.header("content-encoding") == "gzip" else data


def document(response: HttpResponse) -> Any:
    return json.loads(decoded(response))


def ask(question: Any = "Count from 1 to 9.", *, endpoint: Endpoint | None = None, **fields: Any) -> Any:
    """The Message of an endpoint without changes."""
    response = post(endpoint or Endpoint(), body(question, **fields))
    assert response.status == 200, response.body()
    return document(response)


def text_of(message: dict[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def read_events(data: bytes) -> list[tuple[str, Any]]:
    """Name and parsed data of every event that has data."""
    lines = re.split(r"\r\n|\r|\n", data.decode("utf-8"))
    events: list[tuple[str, Any]] = []
    name, parts = "message", []
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if parts:
                events.append((name, json.loads("\n".join(parts))))
            name, parts = "message", []
        elif field == "event":
            name = value
        elif field == "data":
            parts.append(value)
    return events


def accumulated(events: list[tuple[str, Any]]) -> dict[str, Any]:
    """The Message that a stream accumulates to. Unknown events, deltas and fields are ignored."""
    message: dict[str, Any] = {}
    json_parts: dict[int, str] = {}
    for name, data in events:
        if name == "message_start":
            message = json.loads(json.dumps(data["message"]))
        elif name == "content_block_start":
            assert data["index"] == len(message["content"])
            message["content"].append(data["content_block"])
        elif name == "content_block_delta":
            apply(message["content"][data["index"]], data["delta"], data["index"], json_parts)
        elif name == "message_delta":
            message.update({key: data["delta"].get(key) for key in ("stop_reason", "stop_sequence")})
            message["usage"].update(data["usage"])
    for index, part in json_parts.items():
        message["content"][index]["input"] = json.loads(part or "{}")
    return message


def apply(block: dict[str, Any], delta: dict[str, Any], index: int, json_parts: dict[int, str]) -> None:
    if delta["type"] == "input_json_delta":
        json_parts[index] = json_parts.get(index, "") + delta["partial_json"]
    for field in ("text", "thinking", "signature"):
        if delta["type"] == f"{field}_delta":
            block[field] += delta[field]
