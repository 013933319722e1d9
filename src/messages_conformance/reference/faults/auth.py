"""Crimes around credentials, versions, betas and the headers that answers carry."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.api import API_KEY
from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import (
    Failures,
    error_response,
    forgive,
    once,
    refused_for,
    with_error,
)
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpRequest, HttpResponse


def without_request_header(request: HttpRequest, name: str) -> HttpRequest:
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0].lower() != name))


@fault(
    "auth",
    trips_tokmodel={"auth.bearer.accepted", "auth.invalid.no-anthropic-key-needed", "tokmodel.example.request"},
    trips={"auth.bearer.accepted"},
    at=Stage.REQUEST,
    seen="defects.json bearer-not-accepted",
)
def ignore_bearer(request: HttpRequest) -> HttpRequest:
    """A bearer token is not read as a credential."""
    return without_request_header(request, "authorization")


@fault(
    "auth",
    trips={"auth.x-api-key.accepted"},
    at=Stage.REQUEST,
    seen="defects.json x-api-key-not-accepted; impact.json reject_xapikey",
)
def ignore_x_api_key(request: HttpRequest) -> HttpRequest:
    """The header x-api-key is not read as a credential."""
    return without_request_header(request, "x-api-key")


@fault("auth", trips={"auth.missing.401"}, at=Stage.FAILURES, seen="deviations: aimock needs no key")
def serve_without_key(failures: Failures) -> Failures:
    """A request without any credential is served."""
    return forgive(failures, "auth.missing.401")


@fault("auth", trips={"auth.invalid.401"}, at=Stage.FAILURES)
def serve_any_key(failures: Failures) -> Failures:
    """Any key is good enough."""
    return forgive(failures, "auth.invalid.401")


@fault("auth", trips={"auth.missing.401"}, at=Stage.ERROR)
def forbid_missing_key(reply: ErrorReply) -> ErrorReply:
    """A missing credential gives 403 permission_error."""
    if not refused_for(reply, "auth.missing.401"):
        return reply
    return replace(with_error(reply, type="permission_error"), status=403)


@fault("auth", trips={"auth.missing.401"}, at=Stage.ERROR, seen="defects.json auth-error-422-missing-header")
def call_missing_key_a_bad_request(reply: ErrorReply) -> ErrorReply:
    """A missing credential gives 400 invalid_request_error."""
    if not refused_for(reply, "auth.missing.401"):
        return reply
    return replace(with_error(reply, type="invalid_request_error"), status=400)


@fault(
    "auth",
    trips={"auth.invalid.401"},
    at=Stage.ERROR,
    seen="LiteLLM without a database: 500 on a wrong key; deviations: LiteLLM",
)
def crash_on_wrong_key(reply: ErrorReply) -> ErrorReply:
    """A wrong key gives 500 api_error."""
    if not refused_for(reply, "auth.invalid.401"):
        return reply
    return replace(with_error(reply, type="api_error"), status=500)


@fault("auth", trips={"auth.invalid.401"}, at=Stage.ERROR)
def forbid_wrong_key(reply: ErrorReply) -> ErrorReply:
    """A wrong key gives 403 permission_error."""
    if not refused_for(reply, "auth.invalid.401"):
        return reply
    return replace(with_error(reply, type="permission_error"), status=403)


@fault(
    "auth",
    trips={"auth.missing.error-type"},
    at=Stage.ERROR,
    seen="LiteLLM: auth_error; aimock: no type; deviations: LiteLLM",
)
def mistype_missing_key(reply: ErrorReply) -> ErrorReply:
    """The 401 for a missing credential has the type auth_error."""
    return with_error(reply, type="auth_error") if refused_for(reply, "auth.missing.401") else reply


@fault("auth", trips={"auth.key-not-echoed"}, at=Stage.ERROR)
def echo_key_in_error(reply: ErrorReply, scene: RequestContext) -> ErrorReply:
    """The message of a 401 quotes the key that was sent."""
    given = scene.request.header("x-api-key") or scene.request.header("authorization") or ""
    key = given.removeprefix("Bearer ")
    return with_error(reply, message=f"Incorrect API key provided: {key}") if key and reply.status == 401 else reply


@fault("auth", trips={"auth.key-not-echoed"}, at=Stage.RESPONSE)
def echo_key_in_header(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Every answer repeats the credential in a debugging header."""
    given = scene.request.header("x-api-key") or scene.request.header("authorization")
    return response.with_header("x-debug-credential", given) if given else response


@fault("auth", trips={"auth.both-headers"}, at=Stage.RESPONSE)
def crash_on_two_credentials(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A request with x-api-key and authorization gets 500."""
    both = scene.request.header("x-api-key") and scene.request.header("authorization")
    return error_response(response, scene, 500, "api_error", "ambiguous credential") if both else response


@fault(
    "version", trips={"version.header.required"}, at=Stage.FAILURES, seen="all three measured gateways; deviations: all"
)
def forget_version_header(failures: Failures) -> Failures:
    """A request without anthropic-version is served."""
    return forgive(failures, "version.header.required")


@fault(
    "version",
    trips=set(),
    trips_tokmodel={"version.header.optional-tokmodel", "tokmodel.example.request"},
    at=Stage.FAILURES,
)
def demand_version_header(failures: Failures, scene: RequestContext) -> Failures:
    """A request without anthropic-version is refused."""
    if scene.request.header("anthropic-version"):
        return failures
    return [*failures, Failure(message="anthropic-version: header is required", requirement="version.header.required")]


@fault("version", trips={"version.header.invalid"}, at=Stage.FAILURES)
def accept_any_version(failures: Failures) -> Failures:
    """A version that never existed is served."""
    return forgive(failures, "version.header.invalid")


@fault(
    "version",
    trips={"version.header.2026-10-21", "version.same-rules-count-tokens"},
    at=Stage.FAILURES,
    seen="impact.json reject_version",
)
def refuse_newest_version(failures: Failures, scene: RequestContext) -> Failures:
    """Version 2026-10-21 is not known."""
    if scene.request.header("anthropic-version") != "2026-10-21":
        return failures
    return [Failure(message='anthropic-version: "2026-10-21" is not a valid version'), *failures]


@fault("version", trips=set(), trips_tokmodel={"version.header.2023-06-01"}, at=Stage.FAILURES)
def refuse_oldest_version(failures: Failures, scene: RequestContext) -> Failures:
    """Version 2023-06-01 is not known."""
    if scene.request.header("anthropic-version") != "2023-06-01":
        return failures
    return [Failure(message='anthropic-version: "2023-06-01" is not a valid version'), *failures]


@fault("version", trips={"version.sampling-removed"}, at=Stage.FAILURES)
def keep_sampling_in_newest_version(failures: Failures) -> Failures:
    """Version 2026-10-21 still accepts temperature, top_p and top_k."""
    return forgive(failures, "version.sampling-removed")


@fault("version", trips={"version.assistant-document", "version.same-rules-count-tokens"}, at=Stage.FAILURES)
def keep_assistant_documents_in_newest_version(failures: Failures) -> Failures:
    """Version 2026-10-21 still accepts a document in an assistant message."""
    return forgive(failures, "version.assistant-document")


@fault("version", trips={"version.same-rules-count-tokens", "version.user-citations"}, at=Stage.FAILURES)
def keep_user_citations_in_newest_version(failures: Failures) -> Failures:
    """Version 2026-10-21 still accepts citations in a user message."""
    return forgive(failures, "version.user-citations")


@fault("version", trips={"version.same-rules-count-tokens"}, at=Stage.FAILURES)
def count_by_old_rules(failures: Failures, scene: RequestContext) -> Failures:
    """count_tokens does not know what version 2026-10-21 removed."""
    if not scene.request.path.endswith("/count_tokens"):
        return failures
    return forgive(
        failures, "version.sampling-removed", "version.assistant-document", "version.user-citations",
        *(["request.messages.extra-fields-rejected"] if "temperature" in scene.body else []),
    )  # fmt: skip


@fault("version", trips={"beta.header.unknown"}, at=Stage.FAILURES)
def accept_unknown_beta(failures: Failures) -> Failures:
    """A beta that never existed is ignored."""
    return forgive(failures, "beta.header.unknown")


@fault("version", trips={"beta.header.list"}, at=Stage.FAILURES)
def refuse_beta_list(failures: Failures, scene: RequestContext) -> Failures:
    """A comma in anthropic-beta is not understood."""
    values = scene.request.header_values("anthropic-beta")
    if any("," in value for value in values) or len(values) > 1:
        return [*failures, Failure(message="anthropic-beta: unexpected value", requirement="beta.header.unknown")]
    return failures


@fault("headers", trips={"headers.request-id.present"}, at=Stage.RESPONSE, seen="deviations: none of three gateways")
def omit_request_id(response: HttpResponse) -> HttpResponse:
    """No answer has a request-id header."""
    return response.without_header("request-id")


@fault(
    "headers",
    trips={"headers.request-id.present"},
    at=Stage.RESPONSE,
    seen="LiteLLM passthrough, not streamed; deviations: LiteLLM anthropic",
)
def omit_request_id_of_documents(response: HttpResponse) -> HttpResponse:
    """Only streams and errors have a request-id header."""
    return response if response.is_stream or response.status != 200 else response.without_header("request-id")


@fault("headers", trips={"headers.request-id.unique"}, at=Stage.RESPONSE)
def repeat_request_id(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """Every answer has the same request-id."""
    constant = "req_011CSHoEeqs5C35K2UUqR7Fy"
    if response.status >= 400:
        response = response.with_body(response.body().replace(scene.request_id.encode(), constant.encode()))
    return response.with_header("request-id", constant)


@fault("headers", trips={"headers.request-id.pattern"}, at=Stage.RESPONSE)
def number_requests(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The request-id is a plain number."""
    if response.status >= 400:
        response = response.with_body(response.body().replace(scene.request_id.encode(), b"%d" % scene.number))
    return response.with_header("request-id", str(scene.number))


@fault("headers", trips={"headers.request-id.matches-body"}, at=Stage.ERROR)
def disagree_on_request_id(reply: ErrorReply, scene: RequestContext) -> ErrorReply:
    """An error's body carries another request id than its header."""
    return replace(reply, body={**reply.body, "request_id": scene.request_id[::-1].rstrip("_qer") + "x"})


@fault("headers", trips={"headers.ratelimit.format"}, at=Stage.RESPONSE)
def reset_rate_limit_by_unix_time(response: HttpResponse) -> HttpResponse:
    """The time of a rate limit's reset is a number of seconds."""
    return response.with_header("anthropic-ratelimit-requests-reset", "1795392000")


@fault("headers", trips={"headers.ratelimit.format"}, at=Stage.RESPONSE)
def promise_more_than_the_limit(response: HttpResponse) -> HttpResponse:
    """More requests remain than the limit allows."""
    return response.with_header("anthropic-ratelimit-requests-remaining", "9999999")


@fault("headers", trips={"headers.x-should-retry"}, at=Stage.RESPONSE)
def hesitate_about_retries(response: HttpResponse) -> HttpResponse:
    """The header x-should-retry of an error says maybe."""
    return response.with_header("x-should-retry", "maybe") if response.status >= 400 else response


def first_message(scene: RequestContext, name: str) -> bool:
    """Whether this is the first well-formed POST /v1/messages that the endpoint sees."""
    return scene.request.path == "/v1/messages" and bool(scene.body) and once(scene, name)


@fault(
    "headers",
    trips={"headers.retry-after.on-429"},
    at=Stage.RESPONSE,
    seen="impact.json err_429_no_ra; deviations: LiteLLM",
)
def throttle_without_retry_after(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The first message is throttled with 429, and nothing says for how long."""
    if not first_message(scene, "throttled"):
        return response
    return error_response(response, scene, 429, "rate_limit_error", "Too many requests")


@fault("headers", trips={"headers.retry-after.sane"}, at=Stage.RESPONSE)
def throttle_into_the_past(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The first message is throttled with a negative retry-after."""
    if not first_message(scene, "throttled"):
        return response
    throttled = error_response(response, scene, 429, "rate_limit_error", "Too many requests")
    return throttled.with_header("retry-after", "-5")


@fault("errors", trips={"errors.status.429"}, at=Stage.RESPONSE, seen="impact.json err_429_openai")
def mistype_throttling(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The first message is throttled with 429 and the type insufficient_quota."""
    if not first_message(scene, "throttled"):
        return response
    throttled = error_response(response, scene, 429, "insufficient_quota", "Too many requests")
    return throttled.with_header("retry-after", "1")


@fault("errors", trips={"errors.status.500"}, at=Stage.RESPONSE, seen="defects.json overloaded-as-500-api-error")
def call_overload_an_internal_error(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The first message meets an overload, reported as 500 overloaded_error."""
    if not first_message(scene, "overloaded"):
        return response
    return error_response(response, scene, 500, "overloaded_error", "Overloaded")


@fault("errors", trips={"errors.status.529"}, at=Stage.RESPONSE)
def mistype_overload(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The first message meets an overload, reported as 529 api_error."""
    if not first_message(scene, "overloaded"):
        return response
    return error_response(response, scene, 529, "api_error", "Overloaded").with_header("retry-after", "1")


@fault("errors", trips={"errors.status.504"}, at=Stage.RESPONSE)
def mistype_timeout(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The first message times out, reported as 504 api_error."""
    if not first_message(scene, "timed out"):
        return response
    return error_response(response, scene, 504, "api_error", "Timed out")


@fault("auth", trips={"auth.invalid.401"}, at=Stage.REQUEST, seen="a proxy that checks one of the two headers")
def trust_any_bearer(request: HttpRequest) -> HttpRequest:
    """Any bearer token opens the door; only x-api-key is checked."""
    if not (request.header("authorization") or "").lower().startswith("bearer "):
        return request
    others = tuple(pair for pair in request.headers if pair[0].lower() != "authorization")
    return replace(request, headers=(*others, ("authorization", f"Bearer {API_KEY}")))
