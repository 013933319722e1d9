"""The server fails now and then, and the same request works when it is sent again."""

from __future__ import annotations

import zlib
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import error_response, once
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse

EVERY: Final = 7
"""One request of so many fails at first; our own number."""

COLD: Final = 12
"""The first requests succeed, so that a run does not end before it begins; our own number."""


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
