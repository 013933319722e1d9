"""Crimes against HTTP: routes, methods, content types, encodings, headers."""

from __future__ import annotations

import gzip
from dataclasses import replace

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import (
    Events,
    Failures,
    Json,
    error_response,
    forgive,
    is_success,
    json_response,
    map_text,
    map_text_deltas,
    refused_for,
)
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpRequest, HttpResponse


@fault(
    "transport",
    trips={"transport.path.query-tolerated"},
    at=Stage.REQUEST,
    seen="defects.json provider-path-route-regression-404",
)
def lose_route_with_query(request: HttpRequest) -> HttpRequest:
    """A query string on /v1/messages leads to 404."""
    lost = request.path == "/v1/messages" and "?" in request.target
    return replace(request, target="/v1/messages-with-query") if lost else request


@fault("transport", trips={"transport.request.empty-body"}, at=Stage.RESPONSE)
def answer_empty_bodies_with_success(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """POST /v1/messages without a body is answered with 200."""
    asked = scene.request.method == "POST" and not scene.request.body
    return json_response(response, 200, {"status": "ok"}) if asked else response


@fault("transport", trips={"transport.request.body-not-object"}, at=Stage.RESPONSE)
def answer_any_json_with_success(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A body that is JSON but no object is answered with 200."""
    asked = scene.request.method == "POST" and scene.request.body in (b"[]", b"null", b'"x"')
    return json_response(response, 200, {"status": "ok"}) if asked else response


@fault("transport", trips={"transport.request.charset-bad-utf8"}, at=Stage.RESPONSE)
def answer_broken_json_with_success(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A body that breaks off, or that is not UTF-8, is answered with 200."""
    asked = scene.request.method == "POST" and scene.request.body.startswith(b"{") and _breaks_off(scene.request.body)
    return json_response(response, 200, {"status": "ok"}) if asked else response


def _breaks_off(body: bytes) -> bool:
    """Whether a body ends in mid-object, or is not UTF-8."""
    return b"\xff" in body or not body.rstrip().endswith(b"}")


@fault("transport", trips={"transport.method.get-rejected"}, at=Stage.RESPONSE)
def answer_get_with_success(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """GET /v1/messages is answered with 200."""
    return json_response(response, 200, {"status": "ok"}) if got_messages(scene) else response


@fault("transport", trips={"transport.method.get-rejected"}, at=Stage.RESPONSE)
def crash_on_get(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """GET /v1/messages is answered with 500."""
    if not got_messages(scene):
        return response
    return error_response(response, scene, 500, "api_error", "Internal server error")


def got_messages(scene: RequestContext) -> bool:
    return scene.request.method == "GET" and scene.request.path == "/v1/messages"


@fault(
    "transport",
    trips={"transport.content-type.json-response"},
    at=Stage.RESPONSE,
    seen="impact.json ct_wrong",
)
def label_json_as_text(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A Message that is not streamed is labelled text/plain."""
    wrong = is_success(response) and not response.is_stream and scene.request.path == "/v1/messages"
    return response.with_header("content-type", "text/plain; charset=utf-8") if wrong else response


@fault(
    "transport",
    trips={"transport.content-type.json-response"},
    at=Stage.RESPONSE,
    seen="impact.json ct_missing",
)
def omit_json_content_type(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A Message that is not streamed has no content type."""
    wrong = is_success(response) and not response.is_stream and scene.request.path == "/v1/messages"
    return response.without_header("content-type") if wrong else response


@fault(
    "transport",
    trips={"transport.content-type.sse-response"},
    at=Stage.RESPONSE,
    seen="impact.json ct_json_for_sse",
)
def label_stream_as_json(response: HttpResponse) -> HttpResponse:
    """A stream is labelled application/json."""
    return response.with_header("content-type", "application/json") if response.is_stream else response


@fault("transport", trips={"transport.content-type.sse-response"}, at=Stage.RESPONSE)
def label_stream_as_ndjson(response: HttpResponse) -> HttpResponse:
    """A stream is labelled application/x-ndjson."""
    return response.with_header("content-type", "application/x-ndjson") if response.is_stream else response


@fault(
    "transport",
    trips={"transport.content-type.error-json"},
    at=Stage.ERROR,
    seen="impact.json html200, err_503_html, err_500_nonjson",
)
def answer_errors_in_html(reply: ErrorReply) -> ErrorReply:
    """An error of status 400 is an HTML page."""
    if reply.status != 400:
        return reply
    page = b"<!doctype html><html><head><title>400</title></head><body><h1>Bad Request</h1></body></html>"
    return replace(reply, body=page, headers={"content-type": "text/html"})


@fault(
    "transport",
    trips={"transport.content-type.error-json"},
    at=Stage.ERROR,
    seen="impact.json err_400_empty",
)
def leave_errors_empty(reply: ErrorReply) -> ErrorReply:
    """An error of status 400 has no body at all."""
    return replace(reply, body=b"", headers={}) if reply.status == 400 else reply


@fault("transport", trips={"transport.content-type.error-json"}, at=Stage.ERROR)
def answer_unknown_paths_in_text(reply: ErrorReply) -> ErrorReply:
    """An unknown path is answered with a line of plain text."""
    if not refused_for(reply, "errors.status.404-path"):
        return reply
    return replace(reply, body=b"404 page not found\n", headers={"content-type": "text/plain"})


@fault(
    "transport", trips={"transport.charset.utf8"}, at=Stage.MESSAGE, seen="defects.json utf8-split-replacement-chars"
)
def garble_non_ascii(message: Json) -> Json:
    """Text beyond ASCII is encoded twice: é becomes Ã©."""
    return map_text(message, lambda text: text.encode().decode("latin-1"))


@fault("transport", trips={"transport.charset.utf8"}, at=Stage.DOCUMENT)
def question_non_ascii(message: Json) -> Json:
    """Characters beyond ASCII become question marks."""
    return map_text(message, lambda text: text.encode("ascii", "replace").decode())


@fault(
    "transport",
    trips={"stream.frame.utf8-boundaries"},
    at=Stage.EVENTS,
    seen="defects.json utf8-split-replacement-chars; impact.json utf8_split",
)
def split_characters_in_stream(events: Events) -> Events:
    """Characters of several bytes arrive in a stream as U+FFFD, two for one."""
    return map_text_deltas(
        events,
        lambda delta, _: {**delta, "text": "".join(c if c.isascii() else "\ufffd\ufffd" for c in delta["text"])},
    )


def crash_for(reply: ErrorReply, *requirements: str) -> ErrorReply:
    if reply.requirement not in requirements:
        return reply
    error = {"type": "api_error", "message": "Internal server error"}
    return replace(reply, status=500, body={**reply.body, "error": error})


@fault(
    "transport",
    trips={"errors.no-5xx-on-bad-input"},
    at=Stage.ERROR,
)
def crash_on_broken_json(reply: ErrorReply) -> ErrorReply:
    """A body that is not JSON is answered with 500."""
    return crash_for(reply, "transport.request.charset-bad-utf8")


@fault("transport", trips={"errors.no-5xx-on-bad-input"}, at=Stage.ERROR)
def crash_on_array_body(reply: ErrorReply) -> ErrorReply:
    """A JSON body that is not an object is answered with 500."""
    return crash_for(reply, "transport.request.body-not-object")


@fault("transport", trips={"errors.no-5xx-on-bad-input"}, at=Stage.ERROR)
def crash_on_empty_body(reply: ErrorReply) -> ErrorReply:
    """An empty body is answered with 500."""
    return crash_for(reply, "transport.request.empty-body")


@fault("transport", trips={"transport.request.size-limit"}, at=Stage.FAILURES, depth="deep")
def accept_oversized_body(failures: Failures) -> Failures:
    """A body above 32 MB is read as any other."""
    return forgive(failures, "transport.request.size-limit")


@fault("transport", trips={"errors.status.413"}, at=Stage.ERROR, depth="deep")
def mistype_oversized_body(reply: ErrorReply) -> ErrorReply:
    """A body above 32 MB is answered with 413, but as invalid_request_error."""
    if reply.status != 413:
        return reply
    return replace(reply, body={**reply.body, "error": {**reply.body["error"], "type": "invalid_request_error"}})


@fault("transport", trips={"transport.header.case-insensitive"}, at=Stage.REQUEST)
def match_header_names_by_case(request: HttpRequest) -> HttpRequest:
    """A header is only found when its name is written as on the page or in small letters."""
    documented = {"x-api-key", "authorization", "anthropic-version", "X-Api-Key", "Authorization", "Anthropic-Version"}
    watched = {name.lower() for name in documented}
    kept = tuple(pair for pair in request.headers if pair[0].lower() not in watched or pair[0] in documented)
    return replace(request, headers=kept)


@fault("transport", trips={"transport.header.unknown-tolerated"}, at=Stage.FAILURES)
def refuse_unknown_headers(failures: Failures, scene: RequestContext) -> Failures:
    """A request with an x-stainless header is refused."""
    unknown = [name for name, _ in scene.request.headers if name.lower().startswith("x-stainless-")]
    return [*failures, Failure(message=f"unknown header {unknown[0]}")] if unknown else failures


@fault(
    "transport",
    trips={"response.object", "transport.accept-encoding"},
    at=Stage.RESPONSE,
    seen="defects.json gzip-stream-not-decoded",
)
def compress_without_label(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A Message that is not streamed is compressed, and no header says so."""
    if not is_success(response) or response.is_stream or scene.request.path != "/v1/messages":
        return response
    return response.with_body(gzip.compress(response.body(), mtime=0))


@fault(
    "transport",
    trips={"response.object", "transport.accept-encoding"},
    at=Stage.RESPONSE,
    seen="defects.json stacked-content-encoding",
)
def label_without_compressing(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A Message that is not streamed is labelled gzip and is not."""
    wrong = is_success(response) and not response.is_stream and scene.request.path == "/v1/messages"
    return response.with_header("content-encoding", "gzip") if wrong else response


@fault(
    "transport", trips={"adjacent.models.retrieve", "errors.no-redirect", "errors.status.404-path"}, at=Stage.RESPONSE
)
def redirect_unknown_paths(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """An unknown path is answered with a redirect to the documentation."""
    if response.status != 404 or scene.body:
        return response
    return json_response(response, 302, {}).with_header("location", "/docs")


@fault(
    "transport",
    trips={"transport.path.post-messages"},
    statement="answered 404 to POST /v1/messages",
    at=Stage.RESPONSE,
)
def lose_messages(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The path /v1/messages does not exist."""
    if scene.request.path != "/v1/messages":
        return response
    return error_response(response, scene, 404, "not_found_error", "Not found")


@fault("transport", trips={"response.object", "transport.accept-encoding"}, at=Stage.RESPONSE)
def label_as_brotli_without_compressing(response: HttpResponse) -> HttpResponse:
    """Content-Encoding names a coding that the body does not have, and that nobody asked for."""
    return response.with_header("content-encoding", "br")
