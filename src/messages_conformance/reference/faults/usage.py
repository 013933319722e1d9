"""Crimes in the bill: token counts that are missing, of a wrong type, or untrue."""

from __future__ import annotations

from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import Json, dropped, only_counted, with_usage
from messages_conformance.reference.fault_registry import fault


@fault(
    "usage",
    trips={"usage.present"},
    trips_tokmodel={"tokmodel.example.response-keys", "usage.present"},
    at=Stage.DOCUMENT,
    seen="defects.json usage-object-missing; impact.json usage_missing_all",
)
def omit_usage(message: Json) -> Json:
    """A Message has no usage."""
    return dropped(message, "usage")


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def nullify_usage(message: Json) -> Json:
    """The usage of a Message is null."""
    return {**message, "usage": None}


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT)
def omit_output_tokens(message: Json) -> Json:
    """The usage of a Message has no output_tokens."""
    return {**message, "usage": dropped(message["usage"], "output_tokens")}


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT, seen="impact.json input_tokens_str")
def count_in_strings(message: Json) -> Json:
    """Token counts are strings."""
    usage = message["usage"]
    return with_usage(message, input_tokens=str(usage["input_tokens"]), output_tokens=str(usage["output_tokens"]))


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT, seen="impact.json input_tokens_float")
def count_in_floats(message: Json) -> Json:
    """Token counts have a decimal point."""
    usage = message["usage"]
    return with_usage(message, input_tokens=float(usage["input_tokens"]), output_tokens=float(usage["output_tokens"]))


@fault("usage", trips={"usage.present"}, at=Stage.DOCUMENT, seen="impact.json input_tokens_negative")
def count_below_zero(message: Json) -> Json:
    """The number of output tokens is -1."""
    return with_usage(message, output_tokens=-1)


@fault("usage", trips={"usage.present", "usage.no-openai-names"}, at=Stage.DOCUMENT)
def name_usage_like_openai(message: Json) -> Json:
    """Usage counts prompt_tokens and completion_tokens."""
    usage = message["usage"]
    total = usage["input_tokens"] + usage["output_tokens"]
    renamed = {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]}
    return {**message, "usage": {**renamed, "total_tokens": total}}


@fault(
    "usage",
    trips={"usage.input.positive", "usage.input.stream-equals-nonstream"},
    at=Stage.DOCUMENT,
)
def forget_input_tokens(message: Json) -> Json:
    """A Message that is not streamed reports 0 input tokens."""
    return with_usage(message, input_tokens=0)


@fault(
    "usage",
    trips={"usage.output.positive"},
    at=Stage.DOCUMENT,
    seen="impact.json output_tokens_0; deviations: aimock",
)
def forget_output_tokens(message: Json) -> Json:
    """A Message that is not streamed reports 0 output tokens."""
    return with_usage(message, output_tokens=0)


@fault("usage", trips={"usage.output.le-max"}, at=Stage.DOCUMENT)
def count_beyond_max_tokens(message: Json) -> Json:
    """An answer that was cut by the limit reports more tokens than the limit."""
    if message["stop_reason"] != "max_tokens" or not message["usage"]["output_tokens"]:
        return message
    return with_usage(message, output_tokens=message["usage"]["output_tokens"] * 3 + 40)


@fault("usage", trips={"usage.output.eq-max-on-max_tokens"}, at=Stage.DOCUMENT)
def undercount_cut_answers(message: Json) -> Json:
    """An answer that was cut by the limit reports a fraction of the tokens."""
    if message["stop_reason"] != "max_tokens" or not message["usage"]["output_tokens"]:
        return message
    return with_usage(message, output_tokens=message["usage"]["output_tokens"] // 4 + 1)


@fault("usage", trips={"usage.output.monotone-with-text"}, at=Stage.DOCUMENT)
def count_answers_not_tokens(message: Json) -> Json:
    """An answer that ended by itself counts as one token, however long."""
    if message["stop_reason"] != "end_turn":
        return message
    return {**message, "usage": only_counted(message["usage"], 1)}


@fault(
    "usage",
    trips={"usage.input.deterministic", "usage.input.stream-equals-nonstream"},
    at=Stage.DOCUMENT,
)
def count_input_by_chance(message: Json, scene: RequestContext) -> Json:
    """The same request costs another number of input tokens each time."""
    return with_usage(message, input_tokens=message["usage"]["input_tokens"] + 13 * (scene.number % 7))


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
    """A longer prompt costs fewer input tokens."""
    return with_usage(message, input_tokens=max(1, 100_000 - message["usage"]["input_tokens"]))


@fault("usage", trips={"usage.input.stream-equals-nonstream"}, at=Stage.EVENTS)
def charge_more_for_streams(events: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """A stream reports 50 input tokens more than the same request without one."""
    return [(name, more_input(name, data)) for name, data in events]


def more_input(name: str, data: Json) -> Json:
    if name == "message_start":
        message = data["message"]
        return {**data, "message": with_usage(message, input_tokens=message["usage"]["input_tokens"] + 50)}
    if name == "message_delta":
        return {**data, "usage": {**data["usage"], "input_tokens": data["usage"]["input_tokens"] + 50}}
    return data


@fault("usage", trips={"usage.cache.fields-type"}, at=Stage.DOCUMENT)
def spell_cache_counts(message: Json) -> Json:
    """The number of cached tokens is the word none."""
    return with_usage(message, cache_read_input_tokens="none")


@fault(
    "usage", trips={"usage.cache.breakdown-sum"}, at=Stage.DOCUMENT, seen="defects.json cached-exceeds-input-arithmetic"
)
def break_cache_sum(message: Json) -> Json:
    """The parts of the cache count add up to something else."""
    parts = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 20}
    return with_usage(message, cache_creation=parts)


@fault(
    "usage",
    trips={
        "usage.input.monotone",
        "usage.cache.zero-without-control",
        "usage.input.stream-equals-nonstream",
        "adjacent.count_tokens.approx",
    },
    at=Stage.DOCUMENT,
)
def cache_uninvited(message: Json, scene: RequestContext) -> Json:
    """Tokens are read from a cache that nobody asked for."""
    return message if "cache_control" in str(scene.body) else with_usage(message, cache_read_input_tokens=2048)


@fault("usage", trips={"usage.thinking.le-output"}, at=Stage.DOCUMENT)
def think_more_than_written(message: Json) -> Json:
    """More tokens were thought than were generated."""
    return with_usage(message, output_tokens_details={"thinking_tokens": message["usage"]["output_tokens"] + 9})


@fault("usage", trips={"usage.service_tier.enum"}, at=Stage.DOCUMENT)
def number_service_tier(message: Json) -> Json:
    """The service tier of an answer is a number."""
    return with_usage(message, service_tier=1)


@fault("usage", trips={"usage.server_tool_use"}, at=Stage.DOCUMENT)
def miscount_server_tools(message: Json) -> Json:
    """The number of web searches is -1."""
    counts: dict[str, Any] = {"web_search_requests": -1}
    return with_usage(message, server_tool_use=counts)
