"""An endpoint that is overloaded now and then."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import Event, to_json
from messages_conformance.reference.failures import TYPES
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import variant

BUSY_EVERY: Final = 9
"""Every such request is refused: rare enough for a retry to succeed; our own number."""

BROKEN_STREAM_EVERY: Final = 5


def busy(response: HttpResponse, context: RequestContext, status: int) -> HttpResponse:
    """The response, or an error with retry-after if it is time for one."""
    if response.status != 200 or context.number % BUSY_EVERY or context.request.path != "/v1/messages":
        return response
    error = {"type": TYPES[status], "message": "Please try again shortly"}
    body = {"type": "error", "error": error, "request_id": context.request_id}
    refused = replace(response, status=status, framing="length").with_body(to_json(body).encode())
    return refused.with_header("content-type", "application/json").with_header("retry-after", "1")


@variant(at=Stage.RESPONSE)
def occasionally_overloaded(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Every ninth message request is answered with 529 and retry-after."""
    return busy(response, context, 529)


@variant(at=Stage.RESPONSE)
def occasionally_throttled(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Every ninth message request is answered with 429 and retry-after."""
    return busy(response, context, 429)


@variant(at=Stage.EVENTS)
def overloaded_streams(events: list[Event], context: RequestContext) -> list[Event]:
    """One stream in five ends early with an overloaded_error."""
    if context.number % BROKEN_STREAM_EVERY or len(events) < 4:
        return events
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return [*events[:3], ("error", {"type": "error", "error": error})]
