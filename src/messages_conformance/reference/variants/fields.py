"""Which fields the objects of an answer have."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import ErrorReply, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import LENIENT, variant

Json = dict[str, Any]


def with_unknown_fields(value: Json) -> Json:
    """The object with two fields that no document names."""
    return {**value, "x_extra": {"nested": [1, None, "two"]}, "trace": None}


def event_with_unknown_fields(event: Event) -> Event:
    """The event with unknown fields in its data and in every object inside it."""
    name, data = event
    changed = {key: with_unknown_fields(value) if isinstance(value, dict) else value for key, value in data.items()}
    if name == "message_start":
        changed["message"] = message_with_unknown_fields(data["message"])
    return name, with_unknown_fields(changed)


def message_with_unknown_fields(message: Json) -> Json:
    """The Message with unknown fields in it, in its blocks and in its usage."""
    blocks = [with_unknown_fields(block) for block in message["content"]]
    return with_unknown_fields({**message, "content": blocks, "usage": with_unknown_fields(message["usage"])})


def error_with_unknown_fields(reply: ErrorReply) -> ErrorReply:
    """The error with unknown fields in its body and in the error object inside it."""
    return replace(reply, body=with_unknown_fields({**reply.body, "error": with_unknown_fields(reply.body["error"])}))


def accept_unknown_fields(failures: list[Failure]) -> list[Failure]:
    """Accepts the unknown fields when a client sends them back."""
    return [failure for failure in failures if "x_extra" not in failure.message and ".trace:" not in failure.message]


@variant(
    at=Stage.EVENTS,
    also={
        Stage.DOCUMENT: message_with_unknown_fields,
        Stage.ERROR: error_with_unknown_fields,
        Stage.COUNT: with_unknown_fields,
        Stage.MODELS: with_unknown_fields,
        Stage.FAILURES: accept_unknown_fields,
    },
)
def unknown_fields(events: list[Event]) -> list[Event]:
    """Every object in every answer has unknown fields."""
    return [event_with_unknown_fields(event) for event in events]


@variant(at=Stage.MESSAGE)
def optionals_absent(message: Json) -> Json:
    """Optional fields of a Message are absent."""
    kept = {key: value for key, value in message.items() if key != "stop_details"}
    return {**kept, "usage": required_usage(message["usage"])}


def required_usage(usage: Json) -> Json:
    """The usage with its required counts only."""
    return {key: value for key, value in usage.items() if key in ("input_tokens", "output_tokens")}


@variant(at=Stage.MESSAGE)
def optionals_null(message: Json) -> Json:
    """Optional fields of a Message are null."""
    nulls = dict.fromkeys(
        ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "service_tier", "server_tool_use")
    )
    blocks = [{**block, "citations": None} if block["type"] == "text" else block for block in message["content"]]
    usage = {**message["usage"], **nulls, "inference_geo": None}
    return {**message, "content": blocks, "container": None, "diagnostics": None, "usage": usage}


@variant(
    at=Stage.DOCUMENT,
    conforms=LENIENT,
    also={Stage.EVENTS: lambda events: list(map(event_without_null_sequence, events))},
)
def no_stop_sequence_field(message: Json) -> Json:
    """The field stop_sequence is absent unless a stop sequence was met."""
    return without_null_sequence(message)


def without_null_sequence(value: Json) -> Json:
    """The object without stop_sequence if that is null."""
    return {key: item for key, item in value.items() if key != "stop_sequence" or item is not None}


def event_without_null_sequence(event: Event) -> Event:
    """The event without stop_sequence in the objects of its data where that is null."""
    name, data = event
    return name, {key: without_null_sequence(item) if isinstance(item, dict) else item for key, item in data.items()}


@variant(at=Stage.MESSAGE, conforms=LENIENT)
def seven_fields(message: Json) -> Json:
    """A Message has only the seven fields of the documented example, and stop_sequence."""
    kept = ("id", "type", "role", "model", "content", "stop_reason", "usage", "stop_sequence")
    return {key: value for key, value in message.items() if key in kept} | {"usage": required_usage(message["usage"])}


@variant(at=Stage.RESPONSE)
def pretty_json(response: HttpResponse) -> HttpResponse:
    """JSON documents are indented and end with a line break."""
    if response.is_stream or response.media_type != "application/json":
        return response
    text = json.dumps(json.loads(response.body()), indent=4, sort_keys=True)
    return response.with_body(text.encode() + b"\r\n")
