"""Crimes in the form of errors: envelopes of other vendors, wrong statuses, failures dressed as success."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.events import frame
from messages_conformance.reference.fault_operations import Failures, dropped, forgive, refused_for, with_error
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
    """An error has the envelope of another vendor: no type at the top, a param and a code inside."""
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


@fault("errors", trips={"errors.envelope.type"}, at=Stage.ERROR, seen="deviations: aimock, claude-code-router")
def omit_envelope_type(reply: ErrorReply) -> ErrorReply:
    """An error has no type at the top."""
    return replace(reply, body=dropped(reply.body, "type"))


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def omit_error_message(reply: ErrorReply) -> ErrorReply:
    """An error says its type and nothing more."""
    return replace(reply, body={**reply.body, "error": dropped(reply.body["error"], "message")})


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def leave_error_message_empty(reply: ErrorReply) -> ErrorReply:
    """An error's message is an empty string."""
    return with_error(reply, message="")


@fault("errors", trips={"errors.envelope.error-object"}, at=Stage.ERROR)
def nest_error_message(reply: ErrorReply) -> ErrorReply:
    """An error's message is an object instead of a string."""
    return with_error(reply, message={"text": reply.body["error"]["message"]})


@fault("errors", trips={"errors.envelope.request_id"}, at=Stage.ERROR, seen="deviations: all three gateways")
def omit_request_id_in_error(reply: ErrorReply) -> ErrorReply:
    """The body of an error carries no request id."""
    return replace(reply, body=dropped(reply.body, "request_id"))


@fault(
    "errors",
    trips={"adjacent.models.retrieve", "errors.status.404-model"},
    at=Stage.ERROR,
    seen="defects.json error-type-not-anthropic-enum",
)
def name_exception_as_type(reply: ErrorReply) -> ErrorReply:
    """The 404 for an unknown model has the name of an exception class as its type."""
    return with_error(reply, type="NotFoundError") if refused_for(reply, "errors.status.404-model") else reply


@fault(
    "errors",
    trips={"adjacent.models.retrieve", "errors.status.404-model"},
    trips_tokmodel=set(),
    at=Stage.ERROR,
    seen="deviations: LiteLLM",
)
def call_unknown_model_a_bad_request(reply: ErrorReply) -> ErrorReply:
    """An unknown model gives 400 invalid_request_error."""
    if not refused_for(reply, "errors.status.404-model"):
        return reply
    return replace(with_error(reply, type="invalid_request_error"), status=400)


@fault(
    "errors",
    trips={"adjacent.models.retrieve", "errors.status.404-model"},
    trips_tokmodel={"errors.status.unknown-model-tokmodel"},
    at=Stage.ERROR,
)
def crash_on_unknown_model(reply: ErrorReply) -> ErrorReply:
    """An unknown model gives 500 api_error."""
    if not refused_for(reply, "errors.status.404-model"):
        return reply
    return replace(with_error(reply, type="api_error"), status=500)


@fault(
    "errors",
    trips={"errors.status.404-model"},
    trips_tokmodel={"errors.status.unknown-model-tokmodel"},
    at=Stage.FAILURES,
    seen="deviations: aimock",
)
def serve_unknown_model(failures: Failures) -> Failures:
    """A model that nobody offers answers all the same."""
    return forgive(failures, "errors.status.404-model")


@fault("errors", trips={"errors.status.404-path"}, at=Stage.ERROR, seen="deviations: aimock")
def mistype_unknown_path(reply: ErrorReply) -> ErrorReply:
    """An unknown path gives 404 with the type invalid_request_error."""
    return with_error(reply, type="invalid_request_error") if refused_for(reply, "errors.status.404-path") else reply


@fault("errors", trips={"errors.status.404-path"}, at=Stage.ERROR)
def call_unknown_path_a_bad_request(reply: ErrorReply) -> ErrorReply:
    """An unknown path gives 400 invalid_request_error."""
    if not refused_for(reply, "errors.status.404-path"):
        return reply
    return replace(with_error(reply, type="invalid_request_error"), status=400)


@fault(
    "errors",
    trips={"adjacent.count_tokens.validates", "errors.not-200"},
    at=Stage.ERROR,
    seen="defects.json http200-json-error-body; impact.json error200",
)
def answer_errors_with_200(reply: ErrorReply) -> ErrorReply:
    """A failed validation gives 200 with an error inside."""
    return replace(reply, status=200) if refused_for(reply, "request.") else reply


@fault("errors", trips={"adjacent.count_tokens.validates", "errors.status.400"}, trips_tokmodel=set(), at=Stage.ERROR)
def answer_bad_requests_with_422(reply: ErrorReply) -> ErrorReply:
    """A failed validation gives 422 with the right envelope."""
    return replace(reply, status=422) if refused_for(reply, "request.") else reply


@fault(
    "errors",
    trips={"adjacent.count_tokens.validates", "errors.status.400", "errors.status.409"},
    trips_tokmodel={"errors.status.400-tokmodel"},
    at=Stage.ERROR,
)
def answer_bad_requests_with_409(reply: ErrorReply) -> ErrorReply:
    """A failed validation gives 409 with the right envelope."""
    return replace(reply, status=409) if refused_for(reply, "request.") else reply


@fault("errors", trips={"errors.status.400"}, trips_tokmodel=set(), at=Stage.ERROR)
def mistype_bad_requests(reply: ErrorReply) -> ErrorReply:
    """A failed validation gives 400 with the type api_error."""
    return with_error(reply, type="api_error") if refused_for(reply, "request.") else reply


@fault(
    "errors",
    trips={"errors.no-5xx-on-bad-input"},
    at=Stage.ERROR,
    seen="deviations: LiteLLM messages [] -> 500",
)
def crash_on_empty_messages(reply: ErrorReply) -> ErrorReply:
    """An empty list of messages gives 500 api_error."""
    if not refused_for(reply, "request.messages.non-empty"):
        return reply
    return replace(with_error(reply, type="api_error"), status=500)


@fault("errors", trips={"errors.no-5xx-on-bad-input"}, at=Stage.ERROR)
def crash_on_wrong_types(reply: ErrorReply) -> ErrorReply:
    """A max_tokens of a wrong type gives 500 api_error."""
    if not refused_for(reply, "request.max_tokens.integer"):
        return reply
    return replace(with_error(reply, type="api_error"), status=500)


@fault("errors", trips={"errors.stream-request-prevalidation"}, at=Stage.RESPONSE)
def hide_bad_request_in_stream(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A failed validation of a stream's request gives 200 and an error event."""
    if response.status != 400 or not scene.streams:
        return response
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "the request is not valid"}}
    streamed = replace(response, status=200).with_body(frame(("error", error)))
    return streamed.with_header("content-type", "text/event-stream")


def unpaired(status: int) -> Callable[[ErrorReply], ErrorReply]:
    """What answers a method that is not allowed, with another status and the type of none."""

    def change(reply: ErrorReply) -> ErrorReply:
        error = {**reply.body["error"], "type": "invalid_request_error"}
        return replace(reply, status=status, body={**reply.body, "error": error}) if reply.status == 405 else reply

    return change


@fault("errors", trips={"errors.status.402"}, at=Stage.ERROR)
def call_billing_invalid(reply: ErrorReply) -> ErrorReply:
    """A 402 has the error type of a 400."""
    return unpaired(402)(reply)


@fault("errors", trips={"errors.status.403"}, at=Stage.ERROR)
def call_permission_invalid(reply: ErrorReply) -> ErrorReply:
    """A 403 has the error type of a 400."""
    return unpaired(403)(reply)


@fault("errors", trips={"errors.status.409"}, at=Stage.ERROR)
def call_conflict_invalid(reply: ErrorReply) -> ErrorReply:
    """A 409 has the error type of a 400."""
    return unpaired(409)(reply)
