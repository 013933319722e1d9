"""Proxies and gateways in front of the endpoint."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import variant


def html_refusal(status: int, title: str) -> HttpResponse:
    """A refusal as a web server writes it, in HTML instead of the API's error format."""
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    return HttpResponse(status=status, headers=(("content-type", "text/html"),), pieces=((0.0, page.encode()),))


def refused_by_version_or_expect(
    response: HttpResponse, context: RequestContext, http_1_0: int, expect: int
) -> HttpResponse:
    """The response, or the given status for HTTP/1.0 and for a request with Expect."""
    if context.request.http_version == "1.0":
        return html_refusal(http_1_0, "Upgrade Required")
    if context.request.header("expect") is not None:
        return html_refusal(expect, "Expectation Failed")
    return response


def bad_request(response: HttpResponse) -> HttpResponse:
    """400 as a web server writes it."""
    return html_refusal(400, "Bad Request")


@variant(at=Stage.RESPONSE, needs_socket=True, also={Stage.BROKEN: bad_request})
def modern_front_end(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """HTTP/1.0 gets 426, Expect gets 417 and a truncated body gets 400, each in HTML without a request id."""
    return refused_by_version_or_expect(response, context, 426, 417)


def close_connection(response: HttpResponse) -> HttpResponse:
    """A closed connection without a byte of an answer."""
    return replace(response, pieces=(), framing="raw", ending="cut")


@variant(at=Stage.RESPONSE, needs_socket=True, also={Stage.BROKEN: close_connection})
def curt_front_end(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """HTTP/1.0 gets 505 and Expect gets 501; a truncated body only closes the connection."""
    return refused_by_version_or_expect(response, context, 505, 501)


def bad_gateway(response: HttpResponse) -> HttpResponse:
    """502 as a gateway writes it."""
    return html_refusal(502, "Bad Gateway")


@variant(at=Stage.RESPONSE, needs_socket=True, also={Stage.BROKEN: bad_gateway})
def gateway_before_it(response: HttpResponse) -> HttpResponse:
    """A gateway answers a truncated body with 502, because the endpoint behind it closed the connection."""
    return response


@variant(at=Stage.RESPONSE)
def refused_by_a_proxy(response: HttpResponse) -> HttpResponse:
    """A proxy refuses bodies that are too large, with an HTML page and no request id."""
    if response.status != 413:
        return response
    page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
    bare = response.with_body(page).without_header("request-id")
    return bare.with_header("content-type", "text/html")
