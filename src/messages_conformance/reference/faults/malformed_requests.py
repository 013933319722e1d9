"""Requests that are not quite JSON or HTTP crash the server, get no answer, or disturb later requests."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.api import BROKEN, LEFT
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures, error_response
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse

NO_5XX = "errors.no-5xx-on-bad-input"
ANSWERED = "errors.bad-input-answered"
SLOW_S = 0.002
"""The pause between two events of a stream, so that a client has the time to disconnect (our own choice)."""


def crashed(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The answer of a server that crashed."""
    return error_response(response, context, 500, "api_error", "Internal server error")


def hung_up(response: HttpResponse) -> HttpResponse:
    """A closed connection instead of an answer."""
    return replace(response, pieces=(), framing="raw", ending="cut")


def slowed_down(response: HttpResponse) -> HttpResponse:
    """The stream with pauses, so that the server notices a client that disconnects before the end."""
    return replace(response, pieces=[(max(delay_s, SLOW_S), data) for delay_s, data in response.pieces])


def posted_body(context: RequestContext) -> bytes:
    """The body of a POST request; empty for other methods."""
    return context.request.body if context.request.method == "POST" else b""


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_without_content_type(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A body whose content-type is missing gets 500."""
    missing = context.request.header("content-type") is None
    return crashed(response, context) if posted_body(context) and missing else response


@fault("near-miss", trips={NO_5XX, "transport.request.media-type"}, at=Stage.RESPONSE)
def crash_on_other_content_types(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A body whose content-type is not application/json gets 500."""
    kind = context.request.header("content-type") or "application/json"
    return response if kind.startswith("application/json") else crashed(response, context)


@fault("near-miss", trips={"beta.header.list"}, at=Stage.FAILURES)
def refuse_repeated_beta_header(failures: Failures, context: RequestContext) -> Failures:
    """A request with two anthropic-beta headers is refused."""
    repeated = len(context.request.header_values("anthropic-beta")) > 1
    return [*failures, Failure(message="anthropic-beta: given twice")] if repeated else failures


@fault("wire", trips={ANSWERED}, at=Stage.RESPONSE)
def never_answer_broken_json(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A body that starts as JSON and is not valid gets no answer."""
    broken = posted_body(context).startswith(b"{") and b"not valid JSON" in response.body()
    return replace(response, pieces=(), framing="raw", ending="hang") if broken else response


@fault("wire", trips={"transport.next-request-answered"}, at=Stage.RESPONSE)
def stay_broken_after_cut_body(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """After a body that was cut off, the next request gets 500."""
    asks = b"still there" in posted_body(context)
    return crashed(response, context) if asks and context.memory.get(BROKEN) else response


@fault(
    "wire",
    trips={"stream.disconnect.client"},
    at=Stage.RESPONSE,
    seen="defects.json client-abort-poisons-upstream",
)
def suffer_from_disconnects(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """After a client disconnected in a stream, the next request gets 500."""
    if response.is_stream:
        return slowed_down(response)
    return crashed(response, context) if context.memory.get(LEFT) and b"you here" in posted_body(context) else response


@fault("wire", trips={"stream.disconnect.client"}, at=Stage.RESPONSE)
def hang_up_after_a_client_left(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """After a client disconnected in a stream, the next request gets a closed connection."""
    if response.is_stream:
        return slowed_down(response)
    return hung_up(response) if context.memory.get(LEFT) and b"you here" in posted_body(context) else response
