"""More correct servers: what parsers and front ends make of requests that are hardly JSON or hardly HTTP."""

from __future__ import annotations

import re
from dataclasses import replace

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.variants import variant

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LONE_SURROGATE = re.compile(rb"\\ud[89ab]\w\w(?!\\ud)")
KEY_TWICE = re.compile(rb'"max_tokens".*"max_tokens"', re.DOTALL)


def in_html(status: int, title: str) -> HttpResponse:
    """A refusal as web servers write it, without a word of the API's."""
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    return HttpResponse(status=status, headers=(("content-type", "text/html"),), pieces=((0.0, page.encode()),))


@variant(at=Stage.REQUEST)
def lenient_json(request: HttpRequest) -> HttpRequest:
    """The parser takes byte-order marks, half characters, control characters, trailing commas and whatever follows."""
    body = LONE_SURROGATE.sub(rb"\\ufffd", request.body.removeprefix(BYTE_ORDER_MARK))
    body = body.replace(b"\x01", b" ").replace(b",}", b"}").replace(b"1e400", b"16").replace(b"NaN", b"null")
    return replace(request, body=body.removesuffix(b"\n{}"))


@variant(at=Stage.FAILURES)
def strict_json(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """The parser refuses a key that stands twice, and numbers that no machine word holds."""
    body = scene.request.body
    odd = KEY_TWICE.search(body) or b"0" * 100 in body
    return [*failures, Failure(message="The request body is not valid JSON")] if odd and scene.body else failures


@variant(at=Stage.FAILURES)
def insists_on_content_type(failures: list[Failure], scene: RequestContext) -> list[Failure]:
    """A body under any other media type than application/json is refused with 415."""
    kind = (scene.request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/json" or not scene.request.body:
        return failures
    return [*failures, Failure(status=415, message="content-type: use application/json")]


def front_end(response: HttpResponse, scene: RequestContext, old: int, expecting: int) -> HttpResponse:
    if scene.request.http_version == "1.0":
        return in_html(old, "Upgrade Required")
    if scene.request.header("expect") is not None:
        return in_html(expecting, "Expectation Failed")
    return response


def bad_request(response: HttpResponse) -> HttpResponse:
    return in_html(400, "Bad Request")


@variant(at=Stage.RESPONSE, needs_socket=True, also={Stage.BROKEN: bad_request})
def modern_front_end(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """HTTP/1.0 is refused with 426, Expect with 417 and a cut body with 400, each in HTML without a request id."""
    return front_end(response, scene, 426, 417)


def hangs_up(response: HttpResponse) -> HttpResponse:
    return replace(response, pieces=(), framing="raw", ending="cut")


@variant(at=Stage.RESPONSE, needs_socket=True, also={Stage.BROKEN: hangs_up})
def curt_front_end(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """HTTP/1.0 is refused with 505, Expect with 501, and a body that is cut off ends the connection without a word."""
    return front_end(response, scene, 505, 501)


def bad_gateway(response: HttpResponse) -> HttpResponse:
    return in_html(502, "Bad Gateway")


@variant(at=Stage.RESPONSE, needs_socket=True, also={Stage.BROKEN: bad_gateway})
def gateway_before_it(response: HttpResponse) -> HttpResponse:
    """A gateway tells of a body that was cut off with 502, since the endpoint behind it has hung up."""
    return response
