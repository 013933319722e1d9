"""What both OpenAI dialects share: routes, the list of models, the error envelope, refusals, and how ids look.

The form is that of the public API reference of OpenAI, read 2026-11-30.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from messages_conformance.reference.http import Header, HttpRequest, HttpResponse
from messages_conformance.upstream.forms import json_response
from messages_conformance.upstream.replies import fresh_id
from messages_conformance.upstream.request_checks import Problem
from messages_conformance.upstream.script import Failure

ERRORS: Final[Mapping[int, tuple[str, str | None]]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "server_is_overloaded"),
}
"""Status -> the `type` and `code` of the error."""

MODEL: Final = "scripted-model"
"""The only model in the list; every other name is served, too."""

MODEL_CREATED: Final = 1_767_225_600


def error_body(failure: Failure, *, param: str | None = None) -> dict[str, Any]:
    """The error envelope."""
    known = 400 if failure.status < 500 else 500
    kind, code = ERRORS.get(failure.status, ERRORS[known])
    return {
        "error": {
            "message": failure.message,
            "type": failure.type or kind,
            "param": param,
            "code": failure.code or code,
        }
    }


def common_headers() -> tuple[Header, ...]:
    """The headers of every response."""
    return (
        ("x-request-id", fresh_id("req_", 32)),
        ("openai-organization", "scripted-upstream"),
        ("openai-processing-ms", "1"),
        ("openai-version", "2020-10-01"),
    )


def route(request: HttpRequest) -> str:
    """The path without the `/v1` that not every client has in its base URL."""
    path = request.path
    return path.removeprefix("/v1") if path.startswith("/v1/") else path


def other_response(request: HttpRequest, *, creates: str) -> HttpResponse:
    """The list of models, one model, or an error for a route or a method that does not exist."""
    path = route(request)
    if request.method == "GET" and path == "/models":
        return json_response({"object": "list", "data": [_model(MODEL)]}, common_headers())
    if request.method == "GET" and path.startswith("/models/"):
        return json_response(_model(path.removeprefix("/models/")), common_headers())
    if path in (creates, "/models"):
        failure = Failure(status=405, message=f"Not allowed to {request.method} on {request.path}.")
    else:
        valid = f"POST /v1{creates} and GET /v1/models"
        failure = Failure(status=404, message=f"Unknown request URL: {request.method} {request.path}; valid: {valid}.")
    body = error_body(failure)
    body["error"]["code"] = "unknown_url" if failure.status == 404 else "method_not_supported"
    return json_response(body, common_headers(), status=failure.status)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": MODEL_CREATED, "owned_by": "scripted-upstream"}


def refused(problem: Problem) -> HttpResponse:
    """The 400 for a request that violates the dialect."""
    failure = Failure(status=400, message=problem.message, code=problem.code)
    return json_response(error_body(failure, param=problem.param), common_headers(), status=400)
