"""What several faults need: reading and changing answers, events and frames without repeating how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import ErrorReply, RequestContext
from messages_conformance.reference.events import Event, to_json
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpResponse

Json = dict[str, Any]
Events = list[Event]
Frames = list[bytes]
Failures = list[Failure]


def forgive(failures: Failures, *requirements: str) -> Failures:
    """The failures without those of the named requirements: validation that forgot them."""
    return [failure for failure in failures if failure.requirement not in requirements]


def updated(events: Events, name: str, change: Callable[[Json], Json]) -> Events:
    """The events, with the data of every event of one name changed."""
    return [(kind, change(data)) if kind == name else (kind, data) for kind, data in events]


def without(events: Events, *names: str) -> Events:
    return [event for event in events if event[0] not in names]


def position(events: Events, name: str, *, last: bool = False) -> int | None:
    """The place of the first (or last) event of a name."""
    places = [at for at, event in enumerate(events) if event[0] == name]
    return None if not places else places[-1] if last else places[0]


def inserted(events: Events, at: int, *new: Event) -> Events:
    return [*events[:at], *new, *events[at:]]


def map_start(events: Events, change: Callable[[Json], Json]) -> Events:
    """The events with the Message inside message_start changed."""
    return updated(events, "message_start", lambda data: {**data, "message": change(data["message"])})


def map_text_deltas(events: Events, change: Callable[[Json, int], Json]) -> Events:
    """The events with each text delta changed; the change is told its number."""
    changed, number = [], 0
    for name, data in events:
        if name == "content_block_delta" and data["delta"].get("type") == "text_delta":
            changed.append((name, {**data, "delta": change(data["delta"], number)}))
            number += 1
        else:
            changed.append((name, data))
    return changed


def map_text(message: Json, change: Callable[[str], str]) -> Json:
    """The Message with the text of every text block changed."""
    blocks = [
        {**block, "text": change(block["text"])} if block["type"] == "text" else block for block in message["content"]
    ]
    return {**message, "content": blocks}


def with_usage(message: Json, **changes: Any) -> Json:
    return {**message, "usage": {**message["usage"], **changes}}


def dropped(value: Json, *names: str) -> Json:
    return {name: item for name, item in value.items() if name not in names}


def only_counted(usage: Json, output_tokens: int) -> Json:
    """The usage with another output, and without the details that would give it away."""
    return {**dropped(usage, "output_tokens_details"), "output_tokens": output_tokens}


def is_success(response: HttpResponse) -> bool:
    return response.status == 200


def is_message(response: HttpResponse, scene: RequestContext) -> bool:
    """Whether a response is a successful, not streamed answer of POST /v1/messages."""
    return is_success(response) and not response.is_stream and scene.request.path.endswith("/messages")


def json_response(response: HttpResponse, status: int, value: Any) -> HttpResponse:
    """The response with another status and a JSON body, its other headers kept."""
    body = value if isinstance(value, bytes) else to_json(value).encode()
    head = replace(response, status=status, framing="length", ending="complete")
    return head.with_body(body).with_header("content-type", "application/json")


def error_response(response: HttpResponse, scene: RequestContext, status: int, kind: str, message: str) -> HttpResponse:
    """A well-formed error in place of a response."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": scene.request_id}
    return json_response(response, status, body)


def refused_for(reply: ErrorReply, *prefixes: str) -> bool:
    return (reply.requirement or "").startswith(prefixes)


def with_error(reply: ErrorReply, **changes: Any) -> ErrorReply:
    """The reply with members of its inner error object changed."""
    return replace(reply, body={**reply.body, "error": {**reply.body["error"], **changes}})


def map_frames(frames: Iterable[bytes], change: Callable[[str, Json], bytes]) -> Frames:
    """Every frame built anew from its name and its data."""
    return [change(*parsed(frame)) for frame in frames]


def parsed(frame: bytes) -> tuple[str, Json]:
    """The name and the data of a frame as the endpoint itself writes it."""
    name, _, data = frame.decode().partition("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def once(scene: RequestContext, name: str) -> bool:
    """True for the first caller of that name only."""
    first = name not in scene.memory
    scene.memory[name] = True
    return first
