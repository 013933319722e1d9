"""Token counts are missing, of a wrong type, or wrong. Faults that need no code are rows of usage.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, Json, map_start, updated, with_usage
from messages_conformance.reference.fault_registry import fault


@fault("usage", trips={"usage.present", "usage.no-openai-names"}, at=Stage.DOCUMENT)
def name_usage_like_openai(message: Json) -> Json:
    """Usage counts prompt_tokens and completion_tokens."""
    usage = message["usage"]
    total = usage["input_tokens"] + usage["output_tokens"]
    renamed = {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]}
    return {**message, "usage": {**renamed, "total_tokens": total}}


@fault("usage", trips={"usage.output.le-max"}, at=Stage.DOCUMENT)
def count_beyond_max_tokens(message: Json) -> Json:
    """An answer that reached the limit reports more output tokens than the limit."""
    if message["stop_reason"] != "max_tokens" or not message["usage"]["output_tokens"]:
        return message
    return with_usage(message, output_tokens=message["usage"]["output_tokens"] * 3 + 40)


@fault("usage", trips={"usage.output.eq-max-on-max_tokens", "usage.thinking.le-output"}, at=Stage.DOCUMENT)
def undercount_cut_answers(message: Json) -> Json:
    """An answer that reached the limit reports a fraction of its output tokens."""
    if message["stop_reason"] != "max_tokens" or not message["usage"]["output_tokens"]:
        return message
    return with_usage(message, output_tokens=message["usage"]["output_tokens"] // 4 + 1)


@fault(
    "usage",
    trips={"usage.input.deterministic", "usage.input.stream-equals-nonstream", "usage.input.own-request"},
    at=Stage.DOCUMENT,
)
def count_input_by_chance(message: Json, context: RequestContext) -> Json:
    """The same request reports a different number of input tokens each time."""
    return with_usage(message, input_tokens=message["usage"]["input_tokens"] + 13 * (context.number % 7))


@fault(
    "usage",
    trips={
        "adjacent.count_tokens.approx",
        "request.messages.affects-input-tokens",
        "request.system.affects-input-tokens",
        "request.tool_result.affects-input-tokens",
        "usage.input.monotone",
        "usage.input.stream-equals-nonstream",
    },
    at=Stage.DOCUMENT,
)
def charge_less_for_more(message: Json) -> Json:
    """A longer prompt reports fewer input tokens."""
    return with_usage(message, input_tokens=max(1, 100_000 - message["usage"]["input_tokens"]))


@fault("usage", trips={"usage.input.stream-equals-nonstream"}, at=Stage.EVENTS)
def charge_more_for_streams(events: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """A stream reports 50 input tokens more than the same request without one."""
    return [(name, more_input(name, data)) for name, data in events]


def more_input(name: str, data: Json) -> Json:
    """The data of an event with 50 input tokens more."""
    if name == "message_start":
        message = data["message"]
        return {**data, "message": with_usage(message, input_tokens=message["usage"]["input_tokens"] + 50)}
    if name == "message_delta":
        return {**data, "usage": {**data["usage"], "input_tokens": data["usage"]["input_tokens"] + 50}}
    return data


@fault(
    "usage",
    trips={
        "adjacent.count_tokens.approx",
        "request.system.affects-input-tokens",
        "usage.cache.zero-without-control",
        "usage.input.monotone",
        "usage.input.stream-equals-nonstream",
    },
    at=Stage.DOCUMENT,
)
def cache_uninvited(message: Json, context: RequestContext) -> Json:
    """Tokens are reported as read from the cache though no cache was requested."""
    return message if "cache_control" in str(context.body) else with_usage(message, cache_read_input_tokens=2048)


@fault("usage", trips={"usage.thinking.le-output", "usage.thinking.none-when-disabled"}, at=Stage.DOCUMENT)
def think_more_than_written(message: Json) -> Json:
    """The thinking tokens exceed the output tokens."""
    return with_usage(message, output_tokens_details={"thinking_tokens": message["usage"]["output_tokens"] + 9})


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def list_usage(message: Json) -> Json:
    """The usage of a Message is a list of two numbers."""
    return {**message, "usage": [message["usage"]["input_tokens"], message["usage"]["output_tokens"]]}


@fault(
    "usage",
    trips={
        "usage.input.own-request",
        "adjacent.count_tokens.approx",
        "request.messages.affects-input-tokens",
        "request.system.affects-input-tokens",
        "usage.input.monotone",
        "usage.input.positive",
        "usage.input.stream-equals-nonstream",
        "usage.output.eq-max-on-max_tokens",
        "usage.output.ge-list",
        "usage.output.le-max",
        "usage.output.monotone-with-text",
        "usage.thinking.le-output",
        "usage.output.stream-equals-nonstream",
    },
    at=Stage.DOCUMENT,
)
def exchange_counts(message: Json) -> Json:
    """The input and output tokens of a Message are swapped."""
    usage = message["usage"]
    return with_usage(message, input_tokens=usage["output_tokens"], output_tokens=usage["input_tokens"])


@fault("usage", trips={"usage.input.stream-equals-nonstream", "adjacent.count_tokens.approx"}, at=Stage.DOCUMENT)
def add_output_to_input(message: Json) -> Json:
    """input_tokens is the sum of input and output tokens."""
    usage = message["usage"]
    return with_usage(message, input_tokens=usage["input_tokens"] + usage["output_tokens"])


@fault("usage", trips={"usage.output.le-max", "usage.output.stream-equals-nonstream"}, at=Stage.DOCUMENT)
def add_input_to_output(message: Json) -> Json:
    """output_tokens is the sum of input and output tokens."""
    usage = message["usage"]
    return with_usage(message, output_tokens=usage["input_tokens"] + usage["output_tokens"])


def started_with(events: Events, **counts: Any) -> Events:
    """The events with counts of message_start changed."""
    return map_start(events, lambda message: with_usage(message, **counts))


def ended_with(events: Events, change: Callable[[Json], Json]) -> Events:
    """The events with the usage of every message_delta changed."""
    return updated(events, "message_delta", lambda data: {**data, "usage": change(data["usage"])})


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


@fault(
    "stream-content",
    trips={"stream.start.input-tokens-real", "usage.input.positive", "usage.input.stream-equals-nonstream"},
    at=Stage.EVENTS,
    seen="defects.json message-delta-usage-missing-input-and-cache; impact.json delta_usage_output_only",
)
def never_count_input_in_stream(events: Events) -> Events:
    """message_start reports 0 input tokens, and message_delta only output_tokens."""
    started = started_with(events, input_tokens=0)
    return ended_with(started, lambda usage: {"output_tokens": usage["output_tokens"]})


@fault(
    "stream-content",
    trips={
        "request.messages.affects-input-tokens",
        "request.system.affects-input-tokens",
        "usage.input.stream-equals-nonstream",
        "usage.output.eq-max-on-max_tokens",
        "usage.output.le-max",
        "usage.output.stream-equals-nonstream",
        "request.document.affects-input-tokens",
        "request.parts.counted",
        "request.search_result.affects-input-tokens",
        "request.tools.affects-input-tokens",
    },
    at=Stage.EVENTS,
    seen="deviations: LiteLLM mock",
)
def report_constant_usage_in_stream(events: Events) -> Events:
    """Every stream reports the same tokens."""
    return ended_with(
        started_with(events, input_tokens=2095), lambda usage: {**usage, "input_tokens": 2095, "output_tokens": 503}
    )


@fault(
    "usage",
    trips={"usage.cache.exclusive-buckets"},
    at=Stage.MESSAGE,
    seen="defects.json cached-exceeds-input-arithmetic",
)
def charge_cached_tokens_twice(message: Json) -> Json:
    """input_tokens includes the tokens that were written to the cache or read from it."""
    usage = message["usage"]
    cached = usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
    return with_usage(message, input_tokens=usage["input_tokens"] + cached)


@fault("usage", trips={"request.cache_control.below-minimum"}, at=Stage.MESSAGE)
def cache_tiny_prompts(message: Json, context: RequestContext) -> Json:
    """A prompt of a few words is written to the cache."""
    usage = message["usage"]
    tokens = usage["input_tokens"]
    cached = usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
    if "cache_control" not in str(context.body) or cached or tokens > 100:
        return message
    parts = {"ephemeral_5m_input_tokens": tokens, "ephemeral_1h_input_tokens": 0}
    return with_usage(message, input_tokens=0, cache_creation_input_tokens=tokens, cache_creation=parts)
