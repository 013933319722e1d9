"""Which token counts an answer reports, and when."""

from __future__ import annotations

from typing import Any

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.variant_registry import NOT_TOKMODEL, TOKMODEL, variant

Json = dict[str, Any]

ITERATION_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)


@variant(at=Stage.MESSAGE)
def newer_service_tier(message: Json) -> Json:
    """The service tier of an answer is one that no document names."""
    return {**message, "usage": {**message["usage"], "service_tier": "flex"}}


@variant(at=Stage.EVENTS)
def brief_final_usage(events: list[Event]) -> list[Event]:
    """message_delta reports output_tokens only."""
    return [
        (
            name,
            {**data, "usage": {"output_tokens": data["usage"]["output_tokens"]}} if name == "message_delta" else data,
        )
        for name, data in events
    ]


@variant(at=Stage.EVENTS)
def rich_final_usage(events: list[Event]) -> list[Event]:
    """message_delta also reports details and repeats the counts of message_start."""
    details = {"output_tokens_details": {"thinking_tokens": 0}, "server_tool_use": {"web_search_requests": 0}}
    return [
        (name, {**data, "usage": {**data["usage"], **details}} if name == "message_delta" else data)
        for name, data in events
    ]


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def listed_iterations(message: Json) -> Json:
    """The usage lists iterations; the compaction and the advisor among them are not part of its own counts."""
    counts = {name: message["usage"].get(name, 0) for name in ITERATION_COUNTS}
    beside = dict.fromkeys(ITERATION_COUNTS, 70)
    iterations = [
        {"type": "compaction", **beside},
        {"type": "message", "model": message["model"], **counts},
        {"type": "advisor_message", "model": "an-advisor", **beside},
    ]
    return {**message, "usage": {**message["usage"], "iterations": iterations}}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def served_by_a_fallback(message: Json) -> Json:
    """Another model answers after a refusal: the counts of usage are those of its attempt."""
    counts = {name: message["usage"].get(name, 0) for name in ITERATION_COUNTS}
    refused = {**dict.fromkeys(ITERATION_COUNTS, 0), "input_tokens": 31, "output_tokens": 1}
    iterations = [
        {"type": "message", "model": "a-model-that-refused", **refused},
        {"type": "fallback_message", "model": message["model"], **counts},
    ]
    return {**message, "usage": {**message["usage"], "iterations": iterations}}


@variant(at=Stage.MESSAGE)
def inference_place_not_available(message: Json) -> Json:
    """inference_geo is not_available, as in most answers of the API."""
    return {**message, "usage": {**message["usage"], "inference_geo": "not_available"}}


def with_initial_count(events: list[Event], output_tokens: int) -> list[Event]:
    """The stream with another output count in message_start."""
    return [
        (
            name,
            {
                **data,
                "message": {**data["message"], "usage": {**data["message"]["usage"], "output_tokens": output_tokens}},
            },
        )
        if name == "message_start"
        else (name, data)
        for name, data in events
    ]


@variant(at=Stage.EVENTS)
def no_initial_count(events: list[Event]) -> list[Event]:
    """message_start reports no output tokens yet."""
    return with_initial_count(events, 0)


@variant(at=Stage.EVENTS)
def large_initial_count(events: list[Event]) -> list[Event]:
    """message_start already reports all output tokens."""
    final = [data["usage"]["output_tokens"] for name, data in events if name == "message_delta"]
    return with_initial_count(events, final[-1]) if final else events


@variant(
    at=Stage.EVENTS,
    conforms=TOKMODEL,
    also={Stage.DOCUMENT: lambda message: {**message, "usage": split_input(message["usage"])}},
)
def cache_known_at_the_end(events: list[Event]) -> list[Event]:
    """The cached part of the prompt is known only at the end of a stream; before that, it counts as input."""
    return [
        (name, {**data, "usage": {**data["usage"], **split_input(data["usage"])}} if name == "message_delta" else data)
        for name, data in events
    ]


def split_input(usage: Json) -> Json:
    """The usage with seven eighths of its input read from a cache."""
    fresh = usage["input_tokens"] // 8
    return {**usage, "input_tokens": fresh, "cache_read_input_tokens": usage["input_tokens"] - fresh}
