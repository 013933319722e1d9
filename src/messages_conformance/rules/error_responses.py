"""Rules for refusals: their status, their envelope, and forms that a failure must not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from email.utils import parsedate
from typing import Final

from messages_conformance import contract
from messages_conformance.exchange import CUT_BODY, REFUSED, Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    at,
    body_of,
    carries_error,
    is_refused_in_front,
    near_miss,
    refused,
    response_of,
    shown,
    status_and_body,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, MISLEADS, TOKMODEL, Judging, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST, RESPONSE_HEADERS, has
from messages_conformance.rules.verdict import MAY, MUST, SHOULD, STATUS, Finding, Place, Unverified

INVALID_REQUEST = "invalid_request_error"
MODEL_FORM = "request.model.string"
UNSUPPORTED_MEDIA_TYPE: Final = 415
SIZE = "transport.request.size-limit"


def _enveloped(exchange: Exchange) -> bool:
    """Whether a refusal has a JSON object as its body, so that it can have the envelope."""
    return refused(exchange) and isinstance(response_of(exchange).json, dict)


def _has_error_object(exchange: Exchange) -> bool:
    return _enveloped(exchange) and isinstance(body_of(exchange).get("error"), dict)


@rule(
    "errors.envelope.type",
    MUST,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"error-envelope"},
    source=sources.ERRORS,
    applies=_has_error_object,
)
def marks_the_body_as_error(exchange: Exchange) -> Iterable[Finding]:
    """An error body has the top-level type "error"."""
    return _envelope_type(exchange)


def _envelope_type(exchange: Exchange) -> Iterator[Finding]:
    body = body_of(exchange)
    if body.get("type") != "error":
        found = shown(body["type"]) if "type" in body else "absent"
        yield Finding(place=Place(pointer="/type"), found=found, wanted='"error"')


@rule(
    "errors.envelope.error-object",
    MUST,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"error-envelope"},
    source=sources.ERRORS,
    applies=_enveloped,
)
def describes_the_error(exchange: Exchange) -> Iterable[Finding]:
    """An error body has an error object with a non-empty string type and a non-empty string message."""
    return _error_object(exchange)


def _error_object(exchange: Exchange) -> Iterator[Finding]:
    body = body_of(exchange)
    error = body.get("error")
    wanted = "an object with type and message"
    if not isinstance(error, dict):
        found = shown(error) if "error" in body else f"absent, but {', '.join(map(str, body)) or 'an empty object'}"
        yield Finding(place=Place(pointer="/error"), found=found, wanted=wanted)
        return
    for name in ("type", "message"):
        if not isinstance(error.get(name), str) or not error[name]:
            found = shown(error[name]) if name in error else "absent"
            yield Finding(place=Place(pointer=f"/error/{name}"), found=found, wanted="a non-empty string")
            return


@rule(
    "errors.envelope.tokmodel",
    SHOULD,
    harm=MISLEADS,
    families={TOKMODEL},
    source=f"{sources.SEED} (implied)",
    applies=_enveloped,
)
def uses_the_error_envelope(exchange: Exchange) -> Iterable[Finding]:
    """Errors have Anthropic's envelope, which the promised format implies."""
    yield from list(_error_object(exchange)) or list(_envelope_type(exchange))


REQUEST_ID_IN_BODIES: Final = (2025, 10)
"""Year and month since when errors of the API repeat the id in the body (recordings of the API, 2024 to 2026)."""


def _may_be_older(exchange: Exchange) -> bool:
    """Whether an answer was recorded before errors had the member, or nobody knows when."""
    if not has(exchange, RESPONSE_HEADERS):
        return True
    response = response_of(exchange)
    sent = parsedate(response.header("date") or "")
    return sent is not None and sent[:2] < REQUEST_ID_IN_BODIES and bool(response.header("request-id"))


@rule(
    "errors.envelope.request_id",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"error-envelope", "request-id"},
    source=sources.ERRORS,
    applies=_has_error_object,
)
def repeats_the_request_id(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """An error body has a string request_id."""
    body = body_of(exchange)
    if "request_id" not in body and _may_be_older(exchange):
        yield Unverified(reason="older answers of the API had no such member")
        return
    if "request_id" in body and body["request_id"] is None and is_refused_in_front(exchange):
        return
    if not isinstance(body.get("request_id"), str):
        found = shown(body["request_id"]) if "request_id" in body else "absent"
        yield Finding(place=Place(pointer="/request_id"), found=found, wanted="the value of the request-id header")


# -- which status ---------------------------------------------------------------------------------------------------


NO_CRASH: Final = "errors.no-5xx-on-bad-input"


LARGE_BODY: Final = "transport.request.size-below-limit"
"""The probe of large bodies below the limit, which no server needs to accept: their model is unknown."""

SMALL_BODY_BYTES: Final = 10_000
"""The request that large bodies are compared with is shorter (our own)."""


def invalid(exchange: Exchange) -> bool:
    """Whether an invalid request without a documented status of its own was answered."""
    return answered(exchange) and exchange.expect == REFUSED and _is_invalid(exchange)


def _is_invalid(exchange: Exchange) -> bool:
    kinds = ("request.", "transport.request.")
    # A model without a capability may refuse it in its own way, before the request is validated.
    pinned = bool(exchange.statuses) or (exchange.capability is not None and not near_miss(exchange))
    return not pinned and any(probe.startswith(kinds) for probe in exchange.probes)


REFUSES_THE_FORM = (501, 505)
"""5xx that refuse a version or a feature of HTTP, not the request (RFC 9110, 15.6.2 and 15.6.6)."""


def bad_input(exchange: Exchange) -> bool:
    """Whether the request is invalid, or odd on the wire, so that a target may accept or refuse it."""
    known = LARGE_BODY in exchange.probes and has(exchange, REQUEST)
    large = known and len(exchange.request.body) > SMALL_BODY_BYTES
    return large or NO_CRASH in exchange.probes or (exchange.expect == REFUSED and _is_invalid(exchange))


def _refused_as_invalid(exchange: Exchange) -> bool:
    return invalid(exchange) and exchange.capability is None and 400 <= response_of(exchange).status < 500


@rule(
    "errors.status.400",
    MUST,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"error-envelope"},
    source=sources.ERRORS,
    applies=_refused_as_invalid,
    reads={PROBES, REQUEST},
)
def answers_400_to_invalid_requests(exchange: Exchange) -> Iterable[Finding]:
    """An invalid request is refused with 400 and the error type invalid_request_error."""
    status, kind = response_of(exchange).status, _error_type(exchange)
    own = {404} if MODEL_FORM in exchange.probes else {413} if SIZE in exchange.probes else set()
    if status in {429, *own} or (status == UNSUPPORTED_MEDIA_TYPE and not _is_labelled(exchange)):
        return  # a rate limit, an unknown model, a body that is too large, or a body without a content type
    if status != 400:
        yield Finding(place=STATUS, found=str(status), wanted="400")
    elif body_of(exchange).get("type") == "error" and kind is not None and kind != INVALID_REQUEST:
        yield Finding(place=Place(pointer="/error/type"), found=shown(kind), wanted=shown(INVALID_REQUEST))


def _is_labelled(exchange: Exchange) -> bool:
    """Whether the request has the content type application/json; without it the status is undocumented."""
    labels = [value for name, value in exchange.request.headers if name.lower() == "content-type"]
    return any(label.partition(";")[0].strip().lower() == "application/json" for label in labels)


def _error_type(exchange: Exchange) -> str | None:
    error = body_of(exchange).get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) else None


def _with_status(status: int) -> Callable[[Exchange], bool]:
    return lambda exchange: _has_error_object(exchange) and response_of(exchange).status == status


def _pairs(status: int) -> Judging:
    def judge(exchange: Exchange) -> Iterator[Finding]:
        kind, wanted = _error_type(exchange), contract.error_types()[status]
        if body_of(exchange).get("type") == "error" and kind is not None and kind != wanted:
            yield Finding(place=Place(pointer="/error/type"), found=shown(kind), wanted=shown(wanted))

    judge.__doc__ = f"An answer with status {status} has the error type {contract.error_types()[status]}."
    return judge


for _status, _level in (
    (402, MAY),
    (403, MAY),
    (409, MAY),
    (413, SHOULD),
    (429, MUST),
    (500, MUST),
    (504, SHOULD),
    (529, SHOULD),
):
    rule(
        f"errors.status.{_status}",
        _level,
        harm=MISLEADS,
        families={ANTHROPIC},
        needs={"error-envelope"},
        source=sources.ERRORS,
        applies=_with_status(_status),
        on_sight=True,
        provoked="Judged on every such answer; no request provokes one.",
    )(_pairs(_status))


# -- forms that a failure must not have -----------------------------------------------------------------------------


def _creates_a_message(exchange: Exchange) -> bool:
    return exchange.creates_message and exchange.succeeded


@rule(
    "errors.not-200",
    MUST,
    harm=BREAKS,
    source="measured on two official SDKs: the error is never read, 2026-11-22",
    applies=_creates_a_message,
)
def never_hides_an_error_in_success(exchange: Exchange) -> Iterable[Finding]:
    """A failed request never gets a success status with an error body."""
    if carries_error(exchange):
        found = f"status {response_of(exchange).status} with {shown(response_of(exchange).text)}"
        yield Finding(place=Place(pointer=""), found=found, wanted="a 4xx or 5xx status")


def _streams_refusal(exchange: Exchange) -> bool:
    return answered(exchange) and exchange.expect == REFUSED and exchange.request.streamed


@rule(
    "errors.stream-request-prevalidation",
    MUST,
    harm=MISLEADS,  # no client retries or classifies an error event by its status
    families={ANTHROPIC},
    needs={"stream"},
    source=f"{sources.ERRORS}; {sources.STREAMING}",
    applies=_streams_refusal,
    reads={PROBES},
    provoked="An invalid request is sent with stream: true.",
)
def refuses_before_it_streams(exchange: Exchange) -> Iterable[Finding]:
    """An invalid request with stream: true is refused with a 4xx status, not with an error event in a stream."""
    if refused_in_stream(exchange):
        error = walk_of(exchange).error
        place = at(error) if error is not None else Place(pointer="")
        yield Finding(
            place=place,
            found=f"status {response_of(exchange).status} and an error event",
            wanted="a 4xx status and JSON",
        )


def refused_in_stream(exchange: Exchange) -> bool:
    """Whether the refusal is an error event under a success status."""
    response = exchange.response
    return (
        exchange.succeeded
        and response is not None
        and response.is_event_stream
        and walk_of(exchange).error is not None
        and walk_of(exchange).message_start is None
    )


@rule(
    NO_CRASH,
    MUST,
    harm=MISLEADS,
    source=sources.sdk("_base_client.py _should_retry (5xx is sent again)"),
    applies=lambda exchange: answered(exchange) and bad_input(exchange),
    raw=True,
    reads={PROBES, REQUEST},
    provoked="Requests that are invalid, or odd on the wire, are sent.",
)
def blames_bad_input_on_the_client(exchange: Exchange) -> Iterable[Finding]:
    """An invalid request is never answered with a 5xx, which clients retry."""
    status, form = response_of(exchange).status, exchange.request.wire
    # A proxy answers 502 or similar when the endpoint behind it gives up on an incomplete body.
    if (form and status in REFUSES_THE_FORM) or (form == CUT_BODY and status != 500):
        return
    if status >= 500:
        said = shown(response_of(exchange).text)
        yield Finding(place=STATUS, found=f"{status}: {said}", wanted="a 4xx status")


@rule(
    SIZE,
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    source=sources.ERRORS,
    applies=lambda exchange: answered(exchange) and SIZE in exchange.probes,
    reads={PROBES},
    provoked="A request of 33 MB is sent in a run of depth deep.",
)
def refuses_oversized_requests(exchange: Exchange) -> Iterable[Finding]:
    """A request of more than 32 MB is refused with 413."""
    # The error type is judged as errors.status.413.
    if response_of(exchange).status != 413:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="413")


@rule(
    "errors.no-redirect",
    SHOULD,
    harm=BREAKS,  # after a redirect, clients repeat a POST as GET, or without the key
    source="robustness: clients lose the body of a redirected POST",
    applies=answered,
)
def does_not_redirect(exchange: Exchange) -> Iterable[Finding]:
    """The endpoint never answers with a redirect."""
    response = response_of(exchange)
    if 300 <= response.status < 400:
        to = f" to {shown(response.header('location'))}" if has(exchange, RESPONSE_HEADERS) else ""
        found = f"{response.status}{to}"
        yield Finding(place=STATUS, found=found, wanted="an answer of its own")
