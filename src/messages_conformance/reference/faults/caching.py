"""Crimes around the cache and the edges of a request: cached tokens, prefill, and a limit of zero."""

from __future__ import annotations

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import Failures, Json, error_response, with_usage
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.requests import turns
from messages_conformance.reference.http import HttpResponse


@fault(
    "usage",
    trips={"usage.cache.exclusive-buckets"},
    at=Stage.MESSAGE,
    seen="defects.json cached-exceeds-input-arithmetic",
)
def charge_cached_tokens_twice(message: Json) -> Json:
    """input_tokens also counts what was written to the cache or read from it."""
    usage = message["usage"]
    cached = usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
    return with_usage(message, input_tokens=usage["input_tokens"] + cached)


@fault("usage", trips={"request.cache_control.below-minimum"}, at=Stage.MESSAGE)
def cache_tiny_prompts(message: Json, scene: RequestContext) -> Json:
    """A prompt of a few words is written to the cache."""
    usage = message["usage"]
    tokens = usage["input_tokens"]
    cached = usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
    if "cache_control" not in str(scene.body) or cached or tokens > 100:
        return message
    parts = {"ephemeral_5m_input_tokens": tokens, "ephemeral_1h_input_tokens": 0}
    return with_usage(message, input_tokens=0, cache_creation_input_tokens=tokens, cache_creation=parts)


@fault("request", trips={"request.prefill.unsupported"}, at=Stage.FAILURES)
def refuse_prefill_oddly(failures: Failures, scene: RequestContext) -> Failures:
    """A final assistant message is refused with 422."""
    messages = turns(scene.body)
    if failures or not messages or messages[-1].get("role") != "assistant":
        return failures
    return [Failure(status=422, message="messages: the final message must be the user's")]


@fault(
    "request",
    trips={"request.max_tokens.zero-prewarm"},
    trips_tokmodel={"request.max_tokens.zero-tokmodel"},
    at=Stage.RESPONSE,
)
def crash_on_zero_max_tokens(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A max_tokens of 0 gets 500."""
    if response.status != 200 or scene.body.get("max_tokens") != 0:
        return response
    return error_response(response, scene, 500, "api_error", "division by zero")
