"""Crimes in the bill of one kind of answer: each wrong form of each count, in documents and in streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.fault_operations import Events, Json, dropped, map_start, updated, with_usage
from messages_conformance.reference.fault_registry import fault

CONSTANT = {"input_tokens": 2095, "output_tokens": 503}


def started_with(events: Events, **counts: Any) -> Events:
    """The events with counts of message_start changed."""
    return map_start(events, lambda message: with_usage(message, **counts))


def ended_with(events: Events, change: Callable[[Json], Json]) -> Events:
    """The events with the usage of every message_delta changed."""
    return updated(events, "message_delta", lambda data: {**data, "usage": change(data["usage"])})


# -- in documents ---------------------------------------------------------------------------------------------------


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def omit_input_tokens(message: Json) -> Json:
    """The usage of a Message has no input_tokens."""
    return {**message, "usage": dropped(message["usage"], "input_tokens")}


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT, seen="impact.json input_tokens_null")
def nullify_input_tokens(message: Json) -> Json:
    """The number of input tokens is null."""
    return with_usage(message, input_tokens=None)


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def nullify_output_tokens(message: Json) -> Json:
    """The number of output tokens is null."""
    return with_usage(message, output_tokens=None)


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT, seen="impact.json input_tokens_negative")
def count_input_below_zero(message: Json) -> Json:
    """The number of input tokens is negative."""
    return with_usage(message, input_tokens=-message["usage"]["input_tokens"])


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def count_output_in_string(message: Json) -> Json:
    """The number of output tokens alone is a string."""
    return with_usage(message, output_tokens=str(message["usage"]["output_tokens"]))


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT, seen="impact.json input_tokens_float")
def count_in_fractions(message: Json) -> Json:
    """The number of input tokens is no whole number."""
    return with_usage(message, input_tokens=message["usage"]["input_tokens"] + 0.5)


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def count_in_booleans(message: Json) -> Json:
    """The number of output tokens is true."""
    return with_usage(message, output_tokens=True)


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def list_usage(message: Json) -> Json:
    """The usage of a Message is a list of two numbers."""
    return {**message, "usage": [message["usage"]["input_tokens"], message["usage"]["output_tokens"]]}


@fault(
    "usage",
    trips={"usage.input.positive", "usage.input.stream-equals-nonstream", "usage.output.positive"},
    at=Stage.DOCUMENT,
    seen="deviations: aimock, 0/0 everywhere",
)
def count_nothing_in_documents(message: Json) -> Json:
    """A Message that is not streamed reports 0 tokens of both kinds."""
    return with_usage(message, input_tokens=0, output_tokens=0)


@fault(
    "usage",
    trips={
        "usage.input.monotone",
        "adjacent.count_tokens.approx",
        "request.messages.affects-input-tokens",
        "request.system.affects-input-tokens",
        "request.tool_result.affects-input-tokens",
        "usage.input.stream-equals-nonstream",
        "usage.output.le-max",
    },
    at=Stage.DOCUMENT,
    seen="deviations: LiteLLM mock, 2095/503 in every answer",
)
def report_constant_usage(message: Json) -> Json:
    """Every Message that is not streamed reports the same tokens."""
    return with_usage(message, **CONSTANT)


@fault(
    "usage",
    trips={
        "adjacent.count_tokens.approx",
        "request.messages.affects-input-tokens",
        "request.system.affects-input-tokens",
        "usage.input.monotone",
        "usage.input.positive",
        "usage.input.stream-equals-nonstream",
        "usage.output.le-max",
        "usage.output.monotone-with-text",
        "usage.thinking.le-output",
    },
    at=Stage.DOCUMENT,
)
def exchange_counts(message: Json) -> Json:
    """Input and output tokens of a Message are exchanged."""
    usage = message["usage"]
    return with_usage(message, input_tokens=usage["output_tokens"], output_tokens=usage["input_tokens"])


@fault(
    "usage",
    trips={
        "adjacent.count_tokens.approx",
        "request.messages.affects-input-tokens",
        "request.system.affects-input-tokens",
        "request.tool_result.affects-input-tokens",
        "usage.input.stream-equals-nonstream",
    },
    at=Stage.DOCUMENT,
)
def count_every_prompt_as_one(message: Json) -> Json:
    """Every prompt costs one input token in a Message that is not streamed."""
    return with_usage(message, input_tokens=1)


@fault("usage", trips={"usage.input.stream-equals-nonstream", "adjacent.count_tokens.approx"}, at=Stage.DOCUMENT)
def add_output_to_input(message: Json) -> Json:
    """input_tokens is the total of both."""
    usage = message["usage"]
    return with_usage(message, input_tokens=usage["input_tokens"] + usage["output_tokens"])


@fault("usage", trips={"usage.output.le-max"}, at=Stage.DOCUMENT)
def add_input_to_output(message: Json) -> Json:
    """output_tokens is the total of both."""
    usage = message["usage"]
    return with_usage(message, output_tokens=usage["input_tokens"] + usage["output_tokens"])


# -- in message_start -----------------------------------------------------------------------------------------------


@fault("stream-content", trips={"stream.start.usage-object"}, at=Stage.EVENTS)
def omit_input_tokens_in_start(events: Events) -> Events:
    """The usage in message_start has no input_tokens."""
    return map_start(events, lambda message: {**message, "usage": dropped(message["usage"], "input_tokens")})


@fault("stream-content", trips={"stream.start.usage-object"}, at=Stage.EVENTS, seen="impact.json input_tokens_null")
def nullify_input_tokens_in_start(events: Events) -> Events:
    """The number of input tokens in message_start is null."""
    return started_with(events, input_tokens=None)


@fault("stream-content", trips={"stream.start.usage-object"}, at=Stage.EVENTS, seen="impact.json input_tokens_str")
def count_input_in_string_in_start(events: Events) -> Events:
    """The number of input tokens in message_start is a string."""
    tokens = events[0][1]["message"]["usage"]["input_tokens"]
    return started_with(events, input_tokens=str(tokens))


@fault("stream-content", trips={"stream.start.usage-object"}, at=Stage.EVENTS, seen="impact.json input_tokens_float")
def count_input_in_float_in_start(events: Events) -> Events:
    """The number of input tokens in message_start has a decimal point."""
    tokens = events[0][1]["message"]["usage"]["input_tokens"]
    return started_with(events, input_tokens=float(tokens))


@fault("stream-content", trips={"stream.start.usage-object"}, at=Stage.EVENTS, seen="impact.json input_tokens_negative")
def count_input_below_zero_in_start(events: Events) -> Events:
    """The number of input tokens in message_start is -1."""
    return started_with(events, input_tokens=-1)


@fault("stream-content", trips={"stream.start.usage-object"}, at=Stage.EVENTS)
def empty_usage_in_start(events: Events) -> Events:
    """The usage in message_start is an empty object."""
    return map_start(events, lambda message: {**message, "usage": {}})


# -- in message_delta -----------------------------------------------------------------------------------------------


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS)
def nullify_usage_in_message_delta(events: Events) -> Events:
    """The usage of message_delta is null."""
    return updated(events, "message_delta", lambda data: {**data, "usage": None})


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS, seen="impact.json delta_usage_null")
def nullify_output_tokens_in_message_delta(events: Events) -> Events:
    """The output_tokens of message_delta are null beside input_tokens that are told."""
    return ended_with(events, lambda usage: {**usage, "output_tokens": None})


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS)
def count_in_string_in_message_delta(events: Events) -> Events:
    """The output_tokens of message_delta are a string."""
    return ended_with(events, lambda usage: {**usage, "output_tokens": str(usage["output_tokens"])})


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS)
def count_in_float_in_message_delta(events: Events) -> Events:
    """The output_tokens of message_delta have a decimal point."""
    return ended_with(events, lambda usage: {**usage, "output_tokens": float(usage["output_tokens"])})


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS)
def count_below_zero_in_message_delta(events: Events) -> Events:
    """The output_tokens of message_delta are -1."""
    return ended_with(events, lambda usage: {**usage, "output_tokens": -1})


@fault(
    "stream-content",
    trips={"stream.msgdelta.usage-required"},
    at=Stage.EVENTS,
)
def name_usage_like_openai_in_stream(events: Events) -> Events:
    """message_delta counts prompt_tokens and completion_tokens."""
    return ended_with(
        events,
        lambda usage: {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]},
    )


# -- the counts of a stream that are integers, and untrue -----------------------------------------------------------


@fault("stream-content", trips={"usage.output.le-max"}, at=Stage.EVENTS)
def add_output_twice(events: Events) -> Events:
    """The final output_tokens of a stream count everything twice."""
    return ended_with(events, lambda usage: {**usage, "output_tokens": 2 * usage["output_tokens"]})


@fault(
    "stream-content",
    trips={"usage.output.eq-max-on-max_tokens", "usage.output.monotone-with-text", "usage.thinking.le-output"},
    at=Stage.EVENTS,
)
def count_streams_as_one_token(events: Events) -> Events:
    """The final output_tokens of a stream are 1, however long it was."""
    return ended_with(events, lambda usage: {**usage, "output_tokens": 1})


@fault(
    "stream-content",
    trips={"stream.start.input-tokens-real", "usage.input.positive", "usage.input.stream-equals-nonstream"},
    at=Stage.EVENTS,
    seen="defects.json message-delta-usage-missing-input-and-cache; impact.json delta_usage_output_only",
)
def never_count_input_in_stream(events: Events) -> Events:
    """message_start reports 0 input tokens, and message_delta output_tokens alone."""
    started = started_with(events, input_tokens=0)
    return ended_with(started, lambda usage: {"output_tokens": usage["output_tokens"]})


@fault(
    "stream-content",
    trips={
        "request.messages.affects-input-tokens",
        "request.system.affects-input-tokens",
        "usage.input.stream-equals-nonstream",
        "usage.output.le-max",
    },
    at=Stage.EVENTS,
    seen="deviations: LiteLLM mock",
)
def report_constant_usage_in_stream(events: Events) -> Events:
    """Every stream reports the same tokens."""
    return ended_with(started_with(events, input_tokens=2095), lambda usage: {**usage, **CONSTANT})


@fault("stream-content", trips={"usage.cache.fields-type"}, at=Stage.EVENTS)
def spell_cache_counts_in_stream(events: Events) -> Events:
    """The number of cached tokens in message_start is a word."""
    return started_with(events, cache_read_input_tokens="none")


@fault("stream-content", trips={"stream.msgdelta.no-zero-overwrite"}, at=Stage.EVENTS)
def shrink_input_at_the_end(events: Events) -> Events:
    """message_delta reports one input token after message_start told the truth."""
    return ended_with(events, lambda usage: {**usage, "input_tokens": 1})


@fault("stream-content", trips={"usage.input.stream-equals-nonstream"}, at=Stage.EVENTS)
def count_input_twice_at_the_end(events: Events) -> Events:
    """The input_tokens of message_delta are those of message_start once more, added."""
    return ended_with(events, lambda usage: {**usage, "input_tokens": 2 * usage["input_tokens"]})


@fault("usage", trips={"usage.thinking.le-output"}, at=Stage.DOCUMENT)
def spell_thinking_tokens(message: Json) -> Json:
    """The number of thinking tokens is a string."""
    return with_usage(message, output_tokens_details={"thinking_tokens": "12"})
