"""The server fails now and then, and the same request works when it is sent again."""

from __future__ import annotations

import zlib
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, error_response, json_response, once
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse

EVERY: Final = 7
"""One of this many requests fails at first; our own number."""

COLD: Final = 12
"""The first requests succeed, so that a run does not end before it begins; our own number."""

SHORT_RUN: Final = 40
"""More requests than a smoke run has: it repeats too little to tell such a refusal from one of a key (our own)."""


def fails_by_chance(context: RequestContext) -> bool:
    """Whether a request is one of those that fail when they come for the first time."""
    body = context.request.body
    chosen = context.number > COLD and zlib.crc32(body) % EVERY == 0
    return chosen and once(context, f"failed {zlib.crc32(body)} {context.request.target}")


@fault(
    "errors",
    trips={"errors.status.intermittent-5xx"},
    at=Stage.RESPONSE,
    seen="anthropics/claude-code#6784",
)
def fail_at_first(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """One of seven requests, whether valid or not, is a 500 when it is sent for the first time."""
    if not fails_by_chance(context):
        return response
    return error_response(response, context, 500, "api_error", "Internal server error")


@fault(
    "errors",
    trips={"errors.status.intermittent-5xx"},
    at=Stage.RESPONSE,
    seen="anthropics/claude-code#2728",
)
def lose_refusals_at_first(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """One of seven refusals is a 502 when it is sent for the first time."""
    if not 400 <= response.status < 500 or not fails_by_chance(context):
        return response
    return error_response(response, context, 502, "api_error", "Bad gateway")


@fault("errors", trips={"errors.status.intermittent-5xx"}, at=Stage.RESPONSE)
def fail_twice_at_first(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """One of seven requests is a 502 when it is sent for the first time, and half of these the second time, too."""
    seed = zlib.crc32(context.request.body)
    if context.number <= COLD or seed % EVERY:
        return response
    key = f"failed {seed} {context.request.target}"
    first = once(context, key)
    fails = first or (seed // EVERY % 2 == 0 and once(context, f"{key} again"))
    return error_response(response, context, 502, "api_error", "Bad gateway") if fails else response


@fault("errors", trips={"errors.status.5xx-of-one-kind"}, at=Stage.RESPONSE, seen="vllm-project/vllm#48273")
def fail_some_calls_at_first(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Every third answer with a tool call is a 500 when its request is sent for the first time."""
    calls = [block for block in context.answer.get("content", ()) if block["type"] == "tool_use"]
    if not calls or response.status != 200 or context.number <= COLD or zlib.crc32(context.request.body) % 3:
        return response
    if not once(context, f"call {zlib.crc32(context.request.body)}"):
        return response
    return error_response(response, context, 500, "api_error", "Expecting value: line 1 column 1 (char 0)")


BLAMING: Final = "errors.type.temporary"
"""The requirement that these faults break."""


def blamed(kind: str, message: str) -> tuple[str, dict[str, object]]:
    """An error event of one type."""
    return "error", {"type": "error", "error": {"type": kind, "message": message}}


def blames_by_chance(context: RequestContext) -> bool:
    """Whether a valid request is one of those that fail when they come for the first time."""
    return context.request.path == "/v1/messages" and fails_by_chance(context)


@fault("errors", trips={BLAMING}, at=Stage.EVENTS, seen="QwenLM/qwen-code#11215")
def blame_request_for_throttling(events: Events, context: RequestContext) -> Events:
    """One of seven streams consists of an invalid_request_error that reports throttling; sent again, it is complete."""
    return [blamed("invalid_request_error", "Throttling: too many requests")] if blames_by_chance(context) else events


@fault("errors", trips={BLAMING}, at=Stage.EVENTS)
def blame_key_in_streams(events: Events, context: RequestContext) -> Events:
    """One of seven streams ends in an authentication_error after its first events; sent again, it is complete."""
    return [*events[:2], blamed("authentication_error", "token expired")] if blames_by_chance(context) else events


@fault("errors", trips={BLAMING}, at=Stage.RESPONSE)
def refuse_bursts_as_invalid(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Of equal streamed requests, every third one is refused with 400; the others are answered."""
    seen = context.memory.setdefault("equal", {})
    key = context.request.target, tuple(context.request.headers), context.request.body
    seen[key] = seen.get(key, 0) + 1
    answered = bool(context.answer) and context.streams and response.status == 200
    if not answered or seen[key] % 3 != 2 or context.number <= SHORT_RUN:
        return response
    return error_response(response, context, 400, "invalid_request_error", "upstream connection was not available")


@fault(
    "errors",
    trips={BLAMING, "errors.envelope.error-object", "transport.path.post-messages"},
    trips_tokmodel={BLAMING, "errors.envelope.tokmodel"},
    at=Stage.RESPONSE,
    seen="cloudflare/ai#436",
)
def refuse_by_chance(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """One of seven requests is refused with 400 in a form of its own; sent again, it is answered."""
    if not blames_by_chance(context) or response.status != 200:
        return response
    body = {"success": False, "result": [], "errors": [{"code": 2005, "message": "no response"}]}
    return json_response(response, 400, body)
