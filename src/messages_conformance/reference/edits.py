"""Functions that change failures, Messages, events, frames, errors and responses; faults and operations share them."""

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
    """The failures without those of the named requirements."""
    return [failure for failure in failures if failure.requirement not in requirements]


def refused_if(failures: Failures, refused: bool, message: str) -> Failures:
    """The failures, and one more with status 400 if the request is refused."""
    return [*failures, Failure(message=message)] if refused else failures


def updated(events: Events, name: str, change: Callable[[Json], Json]) -> Events:
    """The events, with the data of every event of one name changed."""
    return [(kind, change(data)) if kind == name else (kind, data) for kind, data in events]


def without(events: Events, *names: str) -> Events:
    """The events without those of some names."""
    return [event for event in events if event[0] not in names]


def position(events: Events, name: str, *, last: bool = False) -> int | None:
    """The place of the first (or last) event of a name."""
    places = [at for at, event in enumerate(events) if event[0] == name]
    return None if not places else places[-1] if last else places[0]


def inserted(events: Events, at: int, *new: Event) -> Events:
    """The events with others inserted before the event at a place."""
    return [*events[:at], *new, *events[at:]]


def map_start(events: Events, change: Callable[[Json], Json]) -> Events:
    """The events with the Message inside message_start changed."""
    return updated(events, "message_start", lambda data: {**data, "message": change(data["message"])})


def map_text_deltas(events: Events, change: Callable[[Json, int], Json]) -> Events:
    """The events with each text delta changed; the change also gets the number of the delta, from 0."""
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
    """The Message with members of its usage set."""
    return {**message, "usage": {**message["usage"], **changes}}


def dropped(value: Json, *names: str) -> Json:
    """The object without some members."""
    return {name: item for name, item in value.items() if name not in names}


def only_counted(usage: Json, output_tokens: int) -> Json:
    """The usage with another number of output tokens, and without the details of the real one."""
    return {**dropped(usage, "output_tokens_details"), "output_tokens": output_tokens}


def is_success(response: HttpResponse) -> bool:
    """Whether the status of a response is 200."""
    return response.status == 200


def is_message(response: HttpResponse, context: RequestContext) -> bool:
    """Whether a response is a successful, not streamed answer of POST /v1/messages."""
    return is_success(response) and not response.is_stream and context.request.path.endswith("/messages")


def json_response(response: HttpResponse, status: int, value: Any) -> HttpResponse:
    """The response with another status and a JSON body, its other headers kept."""
    body = value if isinstance(value, bytes) else to_json(value).encode()
    head = replace(response, status=status, framing="length", ending="complete")
    return head.with_body(body).with_header("content-type", "application/json")


def error_response(
    response: HttpResponse, context: RequestContext, status: int, kind: str, message: str
) -> HttpResponse:
    """A well-formed error in place of a response."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": context.request_id}
    return json_response(response, status, body)


def refused_for(reply: ErrorReply, *prefixes: str) -> bool:
    """Whether the request broke a requirement that begins with one of the prefixes."""
    return (reply.requirement or "").startswith(prefixes)


def with_error(reply: ErrorReply, **changes: Any) -> ErrorReply:
    """The reply with members of its inner error object changed."""
    return replace(reply, body={**reply.body, "error": {**reply.body["error"], **changes}})


def map_frames(frames: Iterable[bytes], change: Callable[[str, Json], bytes]) -> Frames:
    """Every frame replaced by one that is made from its name and its data."""
    return [change(*parsed(frame)) for frame in frames]


def parsed(frame: bytes) -> tuple[str, Json]:
    """The name and the data of a frame that the endpoint has written."""
    name, _, data = frame.decode().partition("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def once(context: RequestContext, name: str) -> bool:
    """True for the first call with that name in the life of an endpoint."""
    first = name not in context.memory
    context.memory[name] = True
    return first
