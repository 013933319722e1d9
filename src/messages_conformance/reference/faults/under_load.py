"""The server is correct for a few requests, and fails above a number of them at the same time.

Ordinary runs send fewer at once; `prove --load` tries these faults with a load test.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.crowd import COUNTING, crowded, in_progress
from messages_conformance.reference.edits import (
    Events,
    Frames,
    Json,
    error_response,
    is_message,
    is_success,
    json_response,
    map_text,
    without,
)
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variants.under_load import metrics_page

CATEGORY: Final = "load"
ONLY_UNDER_LOAD: Final = "it happens only above eight requests at the same time: `prove --load` tries it"

PREVIOUS: Final = "previous answer under load"
COUNTED: Final = "requests above the crowd"
"""Keys in the memory of an endpoint."""

LEAK_AFTER: Final = 40
"""After this many lost slots, none is left; our own number."""

FDS_AT_START: Final = 30
MEMORY_AT_START: Final = 90_000_000
LOST_BYTES: Final = 4_000_000
"""What the page of figures shows at the start, and what one request under load loses; our own numbers."""

Function = Callable[..., Any]


def load_fault(at: Stage, *, trips: Iterable[str], seen: str = "") -> Callable[[Function], Function]:
    """A fault that happens only to requests in a crowd; the function takes what the stage rewrites and the context."""

    def declare(function: Function) -> Function:
        def only_in_a_crowd(thing: Any, context: RequestContext) -> Any:
            return function(thing, context) if crowded(context) else thing

        only_in_a_crowd.__name__, only_in_a_crowd.__doc__ = function.__name__, function.__doc__
        declare_fault = fault(CATEGORY, trips=trips, at=at, seen=seen, undetectable=ONLY_UNDER_LOAD, also=COUNTING)
        declare_fault(only_in_a_crowd)
        return function

    return declare


def _message_response(response: HttpResponse, context: RequestContext) -> bool:
    return is_success(response) and context.request.path == "/v1/messages"


def _halved(response: HttpResponse) -> tuple[tuple[float, bytes], ...]:
    """The first half of the pieces, or of the only one."""
    pieces = tuple(response.pieces)
    if len(pieces) > 1:
        return pieces[: len(pieces) // 2]
    return tuple((delay_s, data[: len(data) // 2]) for delay_s, data in pieces)


# -- answers of other conversations -----------------------------------------------------------------------------------


@load_fault(Stage.MESSAGE, trips={"load.isolation.content"}, seen="a pool that returns the wrong connection")
def swap_answers_under_load(message: Json, context: RequestContext) -> Json:
    """An answer has the content of the request before it."""
    previous: Json | None = context.memory.get(PREVIOUS)
    context.memory[PREVIOUS] = message
    if previous is None:
        return message
    return {**message, **{name: previous[name] for name in ("content", "stop_reason", "stop_sequence", "usage")}}


@load_fault(Stage.MESSAGE, trips={"load.isolation.content"}, seen="a buffer that two requests share")
def append_foreign_text_under_load(message: Json, context: RequestContext) -> Json:
    """The text of the request before it follows the text of an answer."""
    previous: str = context.memory.get(PREVIOUS, "")
    texts = [block["text"] for block in message["content"] if block["type"] == "text"]
    context.memory[PREVIOUS] = texts[-1] if texts else previous
    return map_text(message, lambda text: f"{text} {previous}") if previous else message


@load_fault(Stage.FRAMES, trips={"load.isolation.stream"}, seen="one queue for all streams")
def merge_streams_under_load(frames: Frames, context: RequestContext) -> Frames:
    """A stream has the events of two messages in turn."""
    previous: Frames = context.memory.get(PREVIOUS, [])
    context.memory[PREVIOUS] = frames
    both = itertools.zip_longest(frames, previous, fillvalue=b"")
    return [frame for pair in both for frame in pair if frame] if previous else frames


# -- what is missing --------------------------------------------------------------------------------------------------


@load_fault(
    Stage.RESPONSE,
    trips={"load.body.complete", "stream.error.no-silent-truncation"},
    seen="a proxy that limits its connections",
)
def reset_streams_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The connection of a stream is reset in the middle."""
    return replace(response, pieces=_halved(response), ending="reset") if response.is_stream else response


@load_fault(Stage.RESPONSE, trips={"load.body.complete", "response.object"}, seen="a worker that is restarted")
def cut_documents_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The connection is closed in the middle of a Message with a declared length."""
    if not is_message(response, context):
        return response
    length = str(len(response.body()))
    cut = replace(response, pieces=_halved(response), ending="cut")
    return replace(cut, headers=(*cut.headers, ("content-length", length)))


@load_fault(
    Stage.EVENTS,
    trips={"load.stream.end", "stream.error.no-silent-truncation"},
    seen="a stream that ends when a timeout of the gateway passes",
)
def drop_stream_ends_under_load(events: Events, context: RequestContext) -> Events:
    """A stream ends without message_delta and message_stop."""
    return without(events, "message_delta", "message_stop")


@load_fault(Stage.EVENTS, trips={"load.stream.end", "stream.error.no-silent-truncation"})
def shorten_streams_under_load(events: Events, context: RequestContext) -> Events:
    """A stream ends after its first half, and its body is whole."""
    return events[: len(events) // 2]


@load_fault(Stage.RESPONSE, trips={"load.requests.answered"}, seen="a lock that is never released")
def never_answer_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """One request in three gets no answer, and its connection stays open."""
    return replace(response, pieces=(), framing="raw", ending="hang") if context.number % 3 == 0 else response


@load_fault(Stage.RESPONSE, trips={"load.requests.answered"}, seen="a backlog that is full")
def hang_up_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The connection is closed without an answer."""
    return replace(response, pieces=(), framing="raw", ending="cut")


@load_fault(
    Stage.RESPONSE,
    trips={"load.body.complete", "stream.frame.terminates"},
    seen="a reader that waits for a writer that is gone",
)
def stall_streams_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """One stream in three stops in the middle, and its connection stays open."""
    stalls = response.is_stream and context.number % 3 == 0
    return replace(response, pieces=_halved(response), ending="hang") if stalls else response


@load_fault(Stage.RESPONSE, trips={"load.stream.incremental"}, seen="a proxy that buffers when it is busy")
def buffer_streams_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A stream arrives in one piece, when its last event is there."""
    if not response.is_stream:
        return response
    return (
        response.with_pieces([(len(pieces) * 0.02, b"".join(data for _, data in pieces))])
        if (pieces := tuple(response.pieces))
        else response
    )


# -- what is counted --------------------------------------------------------------------------------------------------


def _with_usage(message: Json, name: str, tokens: int) -> Json:
    return {**message, "usage": {**message["usage"], name: message["usage"][name] + tokens}}


@load_fault(Stage.MESSAGE, trips={"load.usage.input"}, seen="a counter that all requests share")
def add_up_input_under_load(message: Json, context: RequestContext) -> Json:
    """The input tokens of the requests in progress are added to each other."""
    return _with_usage(message, "input_tokens", 20 * in_progress(context))


@load_fault(Stage.MESSAGE, trips={"usage.output.le-max"})
def add_up_output_under_load(message: Json, context: RequestContext) -> Json:
    """The output tokens of the requests in progress are added to each other."""
    return _with_usage(message, "output_tokens", 20 * in_progress(context))


@load_fault(Stage.MESSAGE, trips={"load.ids.unique", "response.id.unique"}, seen="an id that is made of the time")
def repeat_message_ids_under_load(message: Json, context: RequestContext) -> Json:
    """Messages that are made at the same time have the same id."""
    return {**message, "id": f"msg_01{int(context.received_at_s):022d}"}


@load_fault(Stage.RESPONSE, trips={"load.ids.unique", "headers.request-id.unique"})
def repeat_request_ids_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Answers that are made at the same time have the same request-id."""
    return response.with_header("request-id", f"req_01{int(context.received_at_s):022d}")


# -- refusals ---------------------------------------------------------------------------------------------------------


@load_fault(
    Stage.RESPONSE,
    trips={"load.errors.envelope", "transport.content-type.error-json"},
    seen="the page of a proxy in front",
)
def fail_with_a_page_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A request is refused with 502 and an HTML page."""
    page = json_response(response, 502, b"<html><body><h1>502 Bad Gateway</h1></body></html>")
    return page.with_header("content-type", "text/html")


@load_fault(
    Stage.RESPONSE,
    trips={"load.errors.envelope", "transport.content-type.error-json"},
    seen="the bare error of a web framework",
)
def fail_with_a_word_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A request is refused with 500 and two words."""
    return json_response(response, 500, b"Internal Server Error").with_header("content-type", "text/plain")


@load_fault(Stage.RESPONSE, trips={"load.errors.retry-after"})
def throttle_without_a_time_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A request is refused with 429 and no retry-after."""
    return error_response(response, context, 429, "rate_limit_error", "Too many requests").without_header("retry-after")


@load_fault(Stage.RESPONSE, trips={"load.errors.retryable"}, seen="a database of keys that does not answer in time")
def refuse_keys_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A valid key is refused with 401."""
    return error_response(response, context, 401, "authentication_error", "invalid x-api-key")


@load_fault(Stage.RESPONSE, trips={"load.errors.retryable"})
def lose_models_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A model that exists is refused with 404."""
    return error_response(response, context, 404, "not_found_error", "model: not found")


# -- after the load ---------------------------------------------------------------------------------------------------


def _counts_crowds(response: HttpResponse, context: RequestContext) -> int:
    """How many requests were in a crowd so far."""
    if crowded(context):
        context.memory[COUNTED] = context.memory.get(COUNTED, 0) + 1
    return int(context.memory.get(COUNTED, 0))


@fault(
    CATEGORY,
    trips={"load.recovery.answered"},
    at=Stage.RESPONSE,
    undetectable=ONLY_UNDER_LOAD,
    also=COUNTING,
    seen="a pool whose connections are not returned",
)
def lose_slots_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Each request in a crowd takes a slot for ever; when none is left, all are refused with 529."""
    if _counts_crowds(response, context) < LEAK_AFTER or not _message_response(response, context):
        return response
    return error_response(response, context, 529, "overloaded_error", "Overloaded").with_header("retry-after", "1")


@fault(
    CATEGORY,
    trips={"load.recovery.answered", "load.errors.envelope", "transport.content-type.error-json"},
    at=Stage.RESPONSE,
    undetectable=ONLY_UNDER_LOAD,
    also=COUNTING,
    seen="a process that has no descriptor left",
)
def break_for_ever_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """After some requests in a crowd, every request is a bare 500."""
    if _counts_crowds(response, context) < LEAK_AFTER or not _message_response(response, context):
        return response
    return json_response(response, 500, b"Internal Server Error").with_header("content-type", "text/plain")


@fault(
    CATEGORY,
    trips={"load.connections.released"},
    at=Stage.RESPONSE,
    undetectable=ONLY_UNDER_LOAD,
    also=COUNTING,
    seen="a connection to the model that is never closed",
)
def leak_connections_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Each request in a crowd leaves a connection open, as the page of figures shows."""
    return metrics_page(response, context, FDS_AT_START + _counts_crowds(response, context), MEMORY_AT_START)


@fault(
    CATEGORY,
    trips={"load.memory.released"},
    at=Stage.RESPONSE,
    undetectable=ONLY_UNDER_LOAD,
    also=COUNTING,
    seen="a list of all answers",
)
def leak_memory_under_load(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Each request in a crowd keeps its memory, as the page of figures shows."""
    lost = _counts_crowds(response, context) * LOST_BYTES
    return metrics_page(response, context, FDS_AT_START, MEMORY_AT_START + lost)
