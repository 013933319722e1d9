"""Crimes on requests that are hardly JSON or hardly HTTP: to break on them, to keep silent, or not to recover."""

from __future__ import annotations

import re
from dataclasses import replace

from messages_conformance.reference.api import BROKEN, LEFT
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import Failures, error_response
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse

NO_5XX = "errors.no-5xx-on-bad-input"
ANSWERED = "errors.bad-input-answered"
SLOW_S = 0.002
"""Between the events of a stream that somebody shall have the time to leave."""

DEEP = re.compile(rb'(?:\[|\{"\w+":){500}')
"""Nesting beyond what a recursive parser stands."""

DIGITS = re.compile(rb"\d{300}")
SURROGATE = re.compile(rb"\\ud[89ab]\w\w(?!\\ud)")
MAX_TOKENS_TWICE = re.compile(rb'"max_tokens".*"max_tokens"', re.DOTALL)


def crashed(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    return error_response(response, scene, 500, "api_error", "Internal server error")


def hung_up(response: HttpResponse) -> HttpResponse:
    return replace(response, pieces=(), framing="raw", ending="cut")


def slow_enough_to_leave(response: HttpResponse) -> HttpResponse:
    """The stream at a pace that lets a client's leaving be noticed before its end."""
    return replace(response, pieces=[(max(delay_s, SLOW_S), data) for delay_s, data in response.pieces])


def posted(scene: RequestContext) -> bytes:
    return scene.request.body if scene.request.method == "POST" else b""


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_byte_order_mark(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A byte-order mark before the JSON gets 500."""
    return crashed(response, scene) if posted(scene).startswith(b"\xef\xbb\xbf") else response


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_duplicate_keys(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A key that stands twice in an object gets 500."""
    return crashed(response, scene) if MAX_TOKENS_TWICE.search(posted(scene)) else response


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE, seen="anthropics/claude-code#77525")
def crash_on_lone_surrogate(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Half a surrogate pair in a string gets 500, when it is encoded again."""
    return crashed(response, scene) if SURROGATE.search(posted(scene)) else response


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_infinite_number(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A number that no float holds gets 500."""
    return crashed(response, scene) if b"1e400" in posted(scene) else response


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_huge_integer(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """An integer of hundreds of digits gets 500."""
    return crashed(response, scene) if DIGITS.search(posted(scene)) else response


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_deep_nesting(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Thousands of nested arrays or objects get 500."""
    return crashed(response, scene) if DEEP.search(posted(scene)) else response


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_without_content_type(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A body whose content-type is missing gets 500."""
    missing = scene.request.header("content-type") is None
    return crashed(response, scene) if posted(scene) and missing else response


@fault("near-miss", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_other_content_types(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A body whose content-type is not application/json gets 500."""
    kind = scene.request.header("content-type") or "application/json"
    return response if kind.startswith("application/json") else crashed(response, scene)


@fault("near-miss", trips={"beta.header.list"}, at=Stage.FAILURES)
def refuse_repeated_beta_header(failures: Failures, scene: RequestContext) -> Failures:
    """A request with two anthropic-beta headers is refused."""
    repeated = len(scene.request.header_values("anthropic-beta")) > 1
    return [*failures, Failure(message="anthropic-beta: given twice")] if repeated else failures


@fault("wire", trips={ANSWERED}, at=Stage.RESPONSE)
def hang_up_on_deep_nesting(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Thousands of nested arrays or objects kill the worker, which leaves without an answer."""
    return hung_up(response) if DEEP.search(posted(scene)) else response


@fault("wire", trips={ANSWERED}, at=Stage.RESPONSE)
def never_answer_broken_json(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A body that is JSON up to a point gets no answer at all."""
    broken = posted(scene).startswith(b"{") and b"not valid JSON" in response.body()
    return replace(response, pieces=(), framing="raw", ending="hang") if broken else response


@fault("wire", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_http_1_0(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A request in HTTP/1.0 gets 500."""
    return crashed(response, scene) if scene.request.http_version == "1.0" else response


@fault("wire", trips={NO_5XX}, at=Stage.RESPONSE)
def crash_on_expectation(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A request with Expect: 100-continue gets 500."""
    return crashed(response, scene) if scene.request.header("expect") else response


@fault("wire", trips={ANSWERED}, at=Stage.RESPONSE)
def never_answer_http_1_0(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A request in HTTP/1.0 gets no answer at all."""
    old = scene.request.http_version == "1.0"
    return replace(response, pieces=(), framing="raw", ending="hang") if old else response


@fault("wire", trips={NO_5XX}, at=Stage.BROKEN)
def crash_on_cut_body(response: HttpResponse) -> HttpResponse:
    """A body that is shorter than its content-length gets 500."""
    return replace(response, status=500)


@fault("wire", trips={"transport.next-request-answered"}, at=Stage.RESPONSE)
def stay_broken_after_cut_body(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """After a body that was cut off, others who ask whether it is still there get 500."""
    return crashed(response, scene) if scene.memory.get(BROKEN) and b"still there" in posted(scene) else response


@fault(
    "wire",
    trips={"stream.disconnect.client"},
    at=Stage.RESPONSE,
    seen="defects.json client-abort-poisons-upstream",
)
def suffer_from_disconnects(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """After a client has left a stream early, others who ask whether it is here get 500: it cools down."""
    if response.is_stream:
        return slow_enough_to_leave(response)
    return crashed(response, scene) if scene.memory.get(LEFT) and b"you here" in posted(scene) else response


@fault("wire", trips={"stream.disconnect.client"}, at=Stage.RESPONSE)
def hang_up_after_a_client_left(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """After a client that left in the middle of a stream, others who ask whether it is here are hung up on."""
    if response.is_stream:
        return slow_enough_to_leave(response)
    return hung_up(response) if scene.memory.get(LEFT) and b"you here" in posted(scene) else response
