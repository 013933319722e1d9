"""Errors have the wrong status, type or form. Faults that need no code are rows of error_envelopes.toml."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.edits import is_message, json_response, refused_for, with_error
from messages_conformance.reference.events import frame
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse


@fault(
    "errors",
    trips={"errors.envelope.type", "errors.envelope.request_id"},
    trips_tokmodel={"errors.envelope.tokmodel"},
    at=Stage.ERROR,
    seen="defects.json error-openai-envelope; impact.json err_openai_400; deviations: LiteLLM",
)
def wrap_errors_like_openai(reply: ErrorReply) -> ErrorReply:
    """An error has the envelope of another vendor: no outer type, but a param and a code."""
    inner = {**reply.body["error"], "param": None, "code": str(reply.status)}
    return replace(reply, body={"error": inner})


@fault(
    "errors",
    trips={"adjacent.count_tokens.validates", "errors.envelope.error-object", "errors.status.400"},
    trips_tokmodel={"errors.envelope.tokmodel"},
    at=Stage.ERROR,
    seen="impact.json err_fastapi_422; defects.json auth-error-422-missing-header",
)
def answer_like_fastapi(reply: ErrorReply) -> ErrorReply:
    """A failed validation gives 422 with a list named detail."""
    if not refused_for(reply, "request."):
        return reply
    message = reply.body["error"]["message"]
    detail = [{"type": "value_error", "loc": ["body", *message.partition(":")[0].split(".")], "msg": message}]
    return replace(reply, status=422, body={"detail": detail})


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR, seen="impact.json err_string_400")
def answer_errors_as_string(reply: ErrorReply) -> ErrorReply:
    """The error of a 400 is a string instead of an object."""
    if reply.status != 400:
        return reply
    return replace(reply, body={**reply.body, "error": reply.body["error"]["message"]})


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def nest_error_message(reply: ErrorReply) -> ErrorReply:
    """The message of an error is an object instead of a string."""
    return with_error(reply, message={"text": reply.body["error"]["message"]})


@fault("errors", trips={"errors.stream-request-prevalidation"}, at=Stage.RESPONSE)
def hide_bad_request_in_stream(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A streamed request that is invalid gives 200 and an error event."""
    if response.status != 400 or not context.streams:
        return response
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "the request is not valid"}}
    streamed = replace(response, status=200).with_body(frame(("error", error)))
    return streamed.with_header("content-type", "text/event-stream")


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def number_error_type(reply: ErrorReply) -> ErrorReply:
    """The type of an error is its status, as a number."""
    return with_error(reply, type=reply.status)


@fault(
    "errors",
    trips={"errors.envelope.error-object"},
    at=Stage.ERROR,
    seen="defects.json double-wrapped-error-string",
)
def wrap_error_in_detail(reply: ErrorReply) -> ErrorReply:
    """An error is one string in a field named detail."""
    return replace(reply, body={"detail": f"Error code: {reply.status} - {reply.body['error']}"})


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def flatten_error(reply: ErrorReply) -> ErrorReply:
    """The type and message of an error are in the outer object, without an inner one."""
    return replace(reply, body=reply.body["error"])


@fault(
    "errors",
    trips=set(),
    at=Stage.ERROR,
    seen="defects.json status-429-wrapping-400",
    statement="answered 429",
)
def throttle_bad_requests(reply: ErrorReply) -> ErrorReply:
    """A failed validation gives 429, with the refusal in its message."""
    if not refused_for(reply, "request."):
        return reply
    quoted = with_error(reply, type="rate_limit_error", message=f"[400] {reply.body['error']['message']}")
    return replace(quoted, status=429, headers={**reply.headers, "retry-after": "0"})


@fault("errors", trips={"errors.not-200"}, at=Stage.RESPONSE, seen="impact.json error200, error200_openai")
def succeed_with_foreign_error(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The answer to a request that is not streamed is 200 with the error of another vendor."""
    if not is_message(response, context):
        return response
    error = {"message": "upstream failed", "type": "server_error", "param": None, "code": None}
    return json_response(response, 200, {"error": error})
