"""Crimes in errors as gateways commit them: words and codes of their own, wrappers, and statuses that mislead."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.fault_operations import (
    error_response,
    is_message,
    json_response,
    refused_for,
    with_error,
)
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse

COUNT_PATH = "/v1/messages/count_tokens"


@fault(
    "errors",
    trips={"errors.status.400"},
    trips_tokmodel=set(),
    at=Stage.ERROR,
    seen="defects.json error-type-string-none",
)
def call_error_type_none(reply: ErrorReply) -> ErrorReply:
    """The type of a failed validation is the word None."""
    return with_error(reply, type="None") if refused_for(reply, "request.") else reply


@fault(
    "errors",
    trips={"errors.status.400"},
    trips_tokmodel=set(),
    at=Stage.ERROR,
    seen="defects.json error-type-literal-error",
)
def call_error_type_error(reply: ErrorReply) -> ErrorReply:
    """The type of a failed validation is the word error."""
    return with_error(reply, type="error") if refused_for(reply, "request.") else reply


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR, seen="deviations: aimock")
def omit_error_type(reply: ErrorReply) -> ErrorReply:
    """The error inside the envelope has no type."""
    inner = {name: value for name, value in reply.body["error"].items() if name != "type"}
    return replace(reply, body={**reply.body, "error": inner})


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def number_error_type(reply: ErrorReply) -> ErrorReply:
    """The type of an error is its status, as a number."""
    return with_error(reply, type=reply.status)


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def list_errors(reply: ErrorReply) -> ErrorReply:
    """The error is a list of one error."""
    return replace(reply, body={**reply.body, "error": [reply.body["error"]]})


@fault(
    "errors",
    trips={"errors.envelope.error-object"},
    at=Stage.ERROR,
    seen="defects.json double-wrapped-error-string",
)
def wrap_error_in_detail(reply: ErrorReply) -> ErrorReply:
    """The whole of an error is one string in a field named detail."""
    return replace(reply, body={"detail": f"Error code: {reply.status} - {reply.body['error']}"})


@fault(
    "errors",
    trips={"errors.envelope.type", "errors.envelope.request_id"},
    at=Stage.ERROR,
    seen="deviations: claude-code-router, aimock",
)
def send_bare_error(reply: ErrorReply) -> ErrorReply:
    """An error is its inner object alone under the key error."""
    return replace(reply, body={"error": reply.body["error"]})


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def flatten_error(reply: ErrorReply) -> ErrorReply:
    """An error's type and message stand at the top, without an inner object."""
    return replace(reply, body=reply.body["error"])


@fault(
    "errors",
    trips=set(),
    at=Stage.ERROR,
    seen="defects.json status-429-wrapping-400",
    statement="answered 429",
)
def throttle_bad_requests(reply: ErrorReply) -> ErrorReply:
    """A failed validation gives 429 with the refusal quoted in its message."""
    if not refused_for(reply, "request."):
        return reply
    quoted = with_error(reply, type="rate_limit_error", message=f"[400] {reply.body['error']['message']}")
    return replace(quoted, status=429, headers={**reply.headers, "retry-after": "0"})


@fault("errors", trips={"errors.no-5xx-on-bad-input"}, at=Stage.ERROR)
def crash_on_bad_tools(reply: ErrorReply) -> ErrorReply:
    """A tool definition that is refused gives 500 api_error."""
    if not refused_for(reply, "request.tools."):
        return reply
    return replace(with_error(reply, type="api_error"), status=500)


@fault("errors", trips={"errors.no-5xx-on-bad-input"}, at=Stage.ERROR)
def crash_on_bad_blocks(reply: ErrorReply) -> ErrorReply:
    """A content block of no or of an unknown type gives 502 api_error."""
    if not refused_for(reply, "request.messages.content-block-type-required"):
        return reply
    return replace(with_error(reply, type="api_error"), status=502)


@fault("errors", trips={"errors.not-200"}, at=Stage.RESPONSE, seen="impact.json error200, error200_openai")
def succeed_with_foreign_error(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A Message that is not streamed is 200 with another vendor's error in its place."""
    if not is_message(response, scene):
        return response
    error = {"message": "upstream failed", "type": "server_error", "param": None, "code": None}
    return json_response(response, 200, {"error": error})


@fault(
    "auth",
    trips={"transport.content-type.error-json"},
    at=Stage.ERROR,
    seen="deviations: claude-code-router, a 401 in plain text",
)
def answer_missing_key_in_text(reply: ErrorReply) -> ErrorReply:
    """The 401 for a missing credential is a line of plain text."""
    if not refused_for(reply, "auth.missing.401"):
        return reply
    return replace(reply, body=b"APIKEY is missing", headers={**reply.headers, "content-type": "text/plain"})


@fault(
    "auth",
    trips={"adjacent.count_tokens.shape"},
    at=Stage.RESPONSE,
    seen="defects.json count-tokens-forbidden-for-normal-key",
)
def forbid_counting(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """count_tokens is for administrators: a key that is good for messages gets 403 there."""
    if scene.request.path != COUNT_PATH or response.status != 200:
        return response
    return error_response(response, scene, 403, "permission_error", "this route is for administrators")


@fault(
    "errors",
    trips={"errors.envelope.error-object"},
    trips_tokmodel=set(),
    at=Stage.ERROR,
    seen="deviations: claude-code-router, LiteLLM",
)
def answer_unknown_paths_like_fastapi(reply: ErrorReply) -> ErrorReply:
    """An unknown path gives 404 with a field named detail."""
    return replace(reply, body={"detail": "Not Found"}) if refused_for(reply, "errors.status.404-path") else reply


@fault(
    "errors", trips={"errors.envelope.error-object"}, trips_tokmodel=set(), at=Stage.ERROR, seen="deviations: LiteLLM"
)
def answer_wrong_methods_like_fastapi(reply: ErrorReply) -> ErrorReply:
    """A method that is not allowed gives 405 with a field named detail."""
    return replace(reply, body={"detail": "Method Not Allowed"}) if reply.status == 405 else reply
