"""HTTP is used wrongly: routes, content types, encodings. Faults that need no code are rows of transport.toml."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import (
    Events,
    Failures,
    Json,
    is_success,
    json_response,
    map_text,
    map_text_deltas,
)
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpRequest, HttpResponse


@fault(
    "transport",
    trips={"transport.path.query-tolerated"},
    at=Stage.REQUEST,
    seen="defects.json provider-path-route-regression-404",
)
def lose_route_with_query(request: HttpRequest) -> HttpRequest:
    """A query string on /v1/messages gives 404."""
    lost = request.path == "/v1/messages" and "?" in request.target
    return replace(request, target="/v1/messages-with-query") if lost else request


@fault("transport", trips={"adjacent.batches.unknown-id", "transport.request.empty-body"}, at=Stage.RESPONSE)
def answer_empty_bodies_with_success(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """POST /v1/messages without a body gives 200."""
    meant = context.request.method == "POST" and not context.request.body
    return json_response(response, 200, {"status": "ok"}) if meant else response


@fault("transport", trips={"transport.request.body-not-object"}, at=Stage.RESPONSE)
def answer_any_json_with_success(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A JSON body that is not an object gives 200."""
    meant = context.request.method == "POST" and context.request.body in (b"[]", b"null", b'"x"')
    return json_response(response, 200, {"status": "ok"}) if meant else response


@fault("transport", trips={"transport.request.charset-bad-utf8"}, at=Stage.RESPONSE)
def answer_broken_json_with_success(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A body that is cut off, or not UTF-8, gives 200."""
    meant = (
        context.request.method == "POST" and context.request.body.startswith(b"{") and _breaks_off(context.request.body)
    )
    return json_response(response, 200, {"status": "ok"}) if meant else response


def _breaks_off(body: bytes) -> bool:
    """Whether a body ends inside an object, or is not UTF-8."""
    return b"\xff" in body or not body.rstrip().endswith(b"}")


@fault("transport", trips={"transport.method.get-rejected"}, at=Stage.RESPONSE)
def answer_get_with_success(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """GET /v1/messages gives 200."""
    return json_response(response, 200, {"status": "ok"}) if is_get_of_messages(context) else response


def is_get_of_messages(context: RequestContext) -> bool:
    """Whether the request is GET /v1/messages."""
    return context.request.method == "GET" and context.request.path == "/v1/messages"


@fault(
    "transport",
    trips={"response.content.text-unchanged", "transport.charset.utf8"},
    at=Stage.MESSAGE,
    seen="defects.json utf8-split-replacement-chars",
)
def garble_non_ascii(message: Json) -> Json:
    """Text beyond ASCII is encoded twice: é becomes Ã©."""
    return map_text(message, lambda text: text.encode().decode("latin-1"))


@fault("transport", trips={"response.content.text-unchanged", "transport.charset.utf8"}, at=Stage.DOCUMENT)
def question_non_ascii(message: Json) -> Json:
    """Characters beyond ASCII are replaced by question marks."""
    return map_text(message, lambda text: text.encode("ascii", "replace").decode())


@fault("transport", trips={"transport.charset.utf8"}, at=Stage.BODY)
def read_letters_of_other_scripts_as_question_marks(body: Json) -> Json:
    """Letters that Latin-1 does not have reach the model as question marks."""
    return with_characters(body, r"[^\x00-\xff]")


@fault("transport", trips={"transport.charset.utf8"}, at=Stage.BODY)
def read_emoji_as_question_marks(body: Json) -> Json:
    """Characters of four bytes reach the model as question marks."""
    return with_characters(body, r"[\U00010000-\U0010ffff]")


def with_characters(body: Json, lost: str) -> Json:
    """A body in whose message texts every character that the pattern `lost` matches is a question mark."""
    messages = json.loads(re.sub(lost, "?", json.dumps(body.get("messages"), ensure_ascii=False)))
    return {**body, "messages": messages}


@fault(
    "transport",
    trips={"response.content.text-unchanged", "stream.frame.utf8-boundaries"},
    at=Stage.EVENTS,
    seen="defects.json utf8-split-replacement-chars; impact.json utf8_split",
)
def split_characters_in_stream(events: Events) -> Events:
    """Characters of several bytes arrive in a stream as two U+FFFD each."""
    return map_text_deltas(
        events,
        lambda delta, _: {**delta, "text": "".join(c if c.isascii() else "\ufffd\ufffd" for c in delta["text"])},
    )


@fault("transport", trips={"transport.header.case-insensitive"}, at=Stage.REQUEST)
def match_header_names_by_case(request: HttpRequest) -> HttpRequest:
    """A header name is recognised only as documented or in lower case."""
    documented = {"x-api-key", "authorization", "anthropic-version", "X-Api-Key", "Authorization", "Anthropic-Version"}
    watched = {name.lower() for name in documented}
    kept = tuple(pair for pair in request.headers if pair[0].lower() not in watched or pair[0] in documented)
    return replace(request, headers=kept)


@fault("transport", trips={"transport.header.unknown-tolerated"}, at=Stage.FAILURES)
def refuse_unknown_headers(failures: Failures, context: RequestContext) -> Failures:
    """A request with an x-stainless header is refused."""
    unknown = [name for name, _ in context.request.headers if name.lower().startswith("x-stainless-")]
    return [*failures, Failure(message=f"unknown header {unknown[0]}")] if unknown else failures


@fault(
    "transport",
    trips={"response.object", "transport.accept-encoding"},
    at=Stage.RESPONSE,
    seen="defects.json gzip-stream-not-decoded",
)
def compress_without_label(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A Message that is not streamed is compressed, and no header says so."""
    if not is_success(response) or response.is_stream or context.request.path != "/v1/messages":
        return response
    return response.with_body(gzip.compress(response.body(), mtime=0))


@fault(
    "transport",
    trips={
        "adjacent.batches.unknown-id",
        "adjacent.files.unknown-id",
        "adjacent.models.retrieve",
        "errors.no-redirect",
        "errors.status.404-path",
    },
    at=Stage.RESPONSE,
)
def redirect_unknown_paths(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """An unknown path gives a redirect."""
    if response.status != 404 or context.body:
        return response
    return json_response(response, 302, {}).with_header("location", "/docs")
