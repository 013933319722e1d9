"""Correct servers that behave differently above a number of requests at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.crowd import COUNTING, HELD_S, crowded, in_progress
from messages_conformance.reference.edits import Events, Frames, error_response
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import variant

RETRY_AFTER_S: Final = "1"

PAGE: Final = """\
# HELP process_open_fds Number of open file descriptors.
# TYPE process_open_fds gauge
process_open_fds {fds}
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes {memory:.0f}
"""

Function = Callable[..., Any]


def metrics_page(response: HttpResponse, context: RequestContext, fds: int, memory: float) -> HttpResponse:
    """The page of figures at /metrics, in the text format of Prometheus; any other response is unchanged."""
    if context.request.path != "/metrics":
        return response
    page = replace(response, status=200, framing="length").with_body(PAGE.format(fds=fds, memory=memory).encode())
    return page.without_header("content-type").with_header("content-type", "text/plain; version=0.0.4")


def load_variant(at: Stage) -> Callable[[Function], Function]:
    """A variant that differs only for requests in a crowd."""

    def declare(function: Function) -> Function:
        def only_in_a_crowd(thing: Any, context: RequestContext) -> Any:
            return function(thing, context) if crowded(context) else thing

        only_in_a_crowd.__name__, only_in_a_crowd.__doc__ = function.__name__, function.__doc__
        variant(at=at, also=COUNTING)(only_in_a_crowd)
        return function

    return declare


@load_variant(Stage.RESPONSE)
def throttles_a_crowd(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Above eight requests at the same time, each is refused with 429 and retry-after."""
    refused = error_response(response, context, 429, "rate_limit_error", "Too many requests at the same time")
    return refused.with_header("retry-after", RETRY_AFTER_S)


@load_variant(Stage.RESPONSE)
def overloaded_by_a_crowd(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Above eight requests at the same time, each is refused with 529."""
    return error_response(response, context, 529, "overloaded_error", "Overloaded")


@load_variant(Stage.RESPONSE)
def unavailable_to_a_crowd(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Above eight requests at the same time, each is refused with 503 and retry-after."""
    refused = error_response(response, context, 503, "api_error", "Service unavailable")
    return refused.with_header("retry-after", RETRY_AFTER_S)


@load_variant(Stage.RESPONSE)
def slow_for_a_crowd(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Above eight requests at the same time, each waits a second."""
    return replace(response, delay_s=1.0)


@load_variant(Stage.RESPONSE)
def queues_a_crowd(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Above eight requests at the same time, each waits for those before it."""
    return replace(response, delay_s=HELD_S * in_progress(context))


@load_variant(Stage.EVENTS)
def ends_streams_of_a_crowd(events: Events, context: RequestContext) -> Events:
    """Above eight requests at the same time, streams end with an overloaded_error event."""
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return [*events[: len(events) // 2], ("error", {"type": "error", "error": error})]


@load_variant(Stage.FRAMES)
def joins_frames_for_a_crowd(frames: Frames, context: RequestContext) -> Frames:
    """Above eight requests at the same time, several events are written at once."""
    return [b"".join(frames[at : at + 4]) for at in range(0, len(frames), 4)]


@load_variant(Stage.RESPONSE)
def closes_connections_of_a_crowd(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Above eight requests at the same time, a connection is closed after its answer, and says so."""
    return response.with_header("connection", "close")


@load_variant(Stage.FRAMES)
def pings_a_crowd(frames: Frames, context: RequestContext) -> Frames:
    """Above eight requests at the same time, every event of a stream but the first is followed by a ping."""
    ping = b'event: ping\ndata: {"type":"ping"}\n\n'
    return [*frames[:1], *(part for frame in frames[1:-1] for part in (frame, ping)), *frames[-1:]]


@variant(at=Stage.RESPONSE, also=COUNTING)
def shows_figures(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """/metrics shows open files and memory; both grow with the requests in progress, and fall again."""
    inside = in_progress(context)
    return metrics_page(response, context, 30 + 2 * inside, 90e6 + 1e6 * inside)
