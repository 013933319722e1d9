"""Credentials, versions, betas and request ids are handled wrongly. Faults that need no code are rows of auth.toml."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.api import API_KEY
from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.edits import (
    Failures,
    forgive,
    with_error,
)
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpRequest, HttpResponse


@fault("auth", trips={"auth.key-not-echoed"}, at=Stage.ERROR)
def echo_key_in_error(reply: ErrorReply, context: RequestContext) -> ErrorReply:
    """The message of a 401 contains the key of the request."""
    given = context.request.header("x-api-key") or context.request.header("authorization") or ""
    key = given.removeprefix("Bearer ")
    return with_error(reply, message=f"Incorrect API key provided: {key}") if key and reply.status == 401 else reply


@fault("auth", trips={"auth.key-not-echoed"}, at=Stage.RESPONSE)
def echo_key_in_header(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Every answer contains the credential of the request in a header."""
    given = context.request.header("x-api-key") or context.request.header("authorization")
    return response.with_header("x-debug-credential", given) if given else response


@fault("version", trips={"version.same-rules-count-tokens"}, at=Stage.FAILURES)
def count_by_old_rules(failures: Failures, context: RequestContext) -> Failures:
    """count_tokens accepts what version 2026-10-21 removed."""
    if not context.request.path.endswith("/count_tokens"):
        return failures
    return forgive(
        failures, "version.sampling-removed", "version.assistant-document", "version.user-citations",
        *(["request.messages.extra-fields-rejected"] if "temperature" in context.body else []),
    )  # fmt: skip


@fault("version", trips={"beta.header.list"}, at=Stage.FAILURES)
def refuse_beta_list(failures: Failures, context: RequestContext) -> Failures:
    """Two betas in anthropic-beta are refused."""
    values = context.request.header_values("anthropic-beta")
    if any("," in value for value in values) or len(values) > 1:
        return [*failures, Failure(message="anthropic-beta: unexpected value", requirement="beta.header.unknown")]
    return failures


@fault("headers", trips={"headers.request-id.unique"}, at=Stage.RESPONSE)
def repeat_request_id(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Every answer has the same request-id."""
    constant = "req_011CSHoEeqs5C35K2UUqR7Fy"
    if response.status >= 400:
        response = response.with_body(response.body().replace(context.request_id.encode(), constant.encode()))
    return response.with_header("request-id", constant)


@fault("headers", trips={"headers.request-id.pattern"}, at=Stage.RESPONSE)
def number_requests(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The request-id is a plain number."""
    if response.status >= 400:
        response = response.with_body(response.body().replace(context.request_id.encode(), b"%d" % context.number))
    return response.with_header("request-id", str(context.number))


@fault("headers", trips={"headers.request-id.matches-body"}, at=Stage.ERROR)
def disagree_on_request_id(reply: ErrorReply, context: RequestContext) -> ErrorReply:
    """The body of an error has another request id than its header."""
    return replace(reply, body={**reply.body, "request_id": context.request_id[::-1].rstrip("_qer") + "x"})


@fault("auth", trips={"auth.invalid.401"}, at=Stage.REQUEST, seen="a proxy that checks one of the two headers")
def trust_any_bearer(request: HttpRequest) -> HttpRequest:
    """Every bearer token is accepted; only x-api-key is checked."""
    if not (request.header("authorization") or "").lower().startswith("bearer "):
        return request
    others = tuple(pair for pair in request.headers if pair[0].lower() != "authorization")
    return replace(request, headers=(*others, ("authorization", f"Bearer {API_KEY}")))
