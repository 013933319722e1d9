"""Rules about failures of the upstream: the client gets the right status, and no failure looks like success."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from messages_conformance.exchange import COMPLETE, LEFT, STALLED, Exchange
from messages_conformance.exchange.behind import TEXT
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import body_of, shown, status_and_body, stop_reason_of, walk_of
from messages_conformance.rules.catalogue import BREAKS, LOSES, MISBILLS, MISLEADS, rule
from messages_conformance.rules.gateway.accessors import (
    GATEWAYS,
    PASSTHROUGH,
    SOURCE,
    TRANSLATES,
    added_text,
    call_of,
    differs,
    got_error,
    is_whole_message,
    leaves,
    observed,
    reached,
    said,
    values_of,
)
from messages_conformance.rules.recording_parts import RESPONSE_HEADERS, TIMES
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Place

OURS: Final = frozenset({500, 502, 503})
"""With these a gateway reports a failure that is its own affair, such as a refused key of its own."""

MEANS: Final[Mapping[int, frozenset[int]]] = {
    400: frozenset({400, 422}),
    401: OURS | {401, 403},
    402: OURS | {402, 403},
    403: OURS | {401, 403},
    404: OURS | {400, 404},
    408: OURS | {408, 504, 529},
    409: OURS | {400, 409},
    413: frozenset({400, 413}),
    422: frozenset({400, 422}),
    429: frozenset({429}),
    500: OURS,
    502: OURS,
    503: OURS | {529},
    504: OURS | {504, 529},
    529: frozenset({503, 529}),
}
"""Status of the upstream -> statuses with which a client does the right thing: it retries, waits, or gives up."""

TYPES: Final[Mapping[str, frozenset[int]]] = {
    "invalid_request_error": frozenset({400, 405, 409, 413, 415, 422}),
    "authentication_error": frozenset({401, 403}),
    "billing_error": frozenset({402, 403}),
    "permission_error": frozenset({403, 401}),
    "not_found_error": frozenset({404}),
    "request_too_large": frozenset({413}),
    "rate_limit_error": frozenset({429}),
    "timeout_error": frozenset({408, 504}),
    "overloaded_error": frozenset({503, 529}),
    "api_error": frozenset(range(500, 600)),
}
"""Type of an error -> the statuses that it goes with (platform.claude.com, errors)."""


def _failed(exchange: Exchange) -> bool:
    """The upstream refused the request, or failed before its answer began."""
    return reached(exchange) and exchange.response is not None and said(exchange).status != 200


@rule("gateway.error.status", MUST, harm=MISLEADS, families=GATEWAYS, source=sources.ERRORS, applies=_failed)
def maps_the_status(exchange: Exchange) -> Iterable[Finding]:
    """The status means to a client what the upstream's status means: to wait, to retry, or to change the request."""
    assert exchange.response is not None
    wanted = MEANS.get(said(exchange).status)
    if wanted is not None and exchange.response.status not in wanted:
        text = " or ".join(map(str, sorted(wanted)))
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted=f"{text}, for {said(exchange).status}")


@rule(
    "gateway.error.same-status", SHOULD, harm=MISLEADS, families={PASSTHROUGH}, source=sources.ERRORS, applies=_failed
)
def keeps_the_status(exchange: Exchange) -> Iterable[Finding]:
    """The upstream's status reaches the client as it is."""
    assert exchange.response is not None
    found, wanted = exchange.response.status, said(exchange).status
    allowed = MEANS.get(wanted, frozenset())
    if found != wanted and found in allowed and not (wanted in (401, 403) and found in OURS):
        yield Finding(place=STATUS, found=str(found), wanted=str(wanted))


def _failed_with_error(exchange: Exchange) -> bool:
    return reached(exchange) and got_error(exchange)


@rule(
    "gateway.error.envelope", MUST, harm=MISLEADS, families=GATEWAYS, source=sources.ERRORS, applies=_failed_with_error
)
def has_the_error_envelope(exchange: Exchange) -> Iterable[Finding]:
    """An error is {"type": "error", "error": {"type", "message"}}, whatever form the upstream's error has."""
    if _passes_foreign_body(exchange):
        return
    body = body_of(exchange)
    error = body.get("error")
    complete = isinstance(error, dict) and all(isinstance(error.get(n), str) and error[n] for n in ("type", "message"))
    if body.get("type") != "error" or not complete:
        yield from differs("", status_and_body(exchange), '{"type": "error", "error": {"type": ..., "message": ...}}')


def _passes_foreign_body(exchange: Exchange) -> bool:
    """Whether the client got the very body of the upstream in front of which stood another server's page."""
    call = call_of(exchange)
    upstream = None if call is None else call.response
    if upstream is None or exchange.response is None or said(exchange).broken != "page":
        return False
    return upstream.body == exchange.response.body


def _enveloped(exchange: Exchange) -> bool:
    """The error has the envelope: without it, its type is one of another API, and gateway.error.envelope judges it."""
    body = body_of(exchange) if _failed_with_error(exchange) else {}
    error = body.get("error")
    return body.get("type") == "error" and isinstance(error, dict) and isinstance(error.get("type"), str)


@rule("gateway.error.type", MUST, harm=MISLEADS, families=GATEWAYS, source=sources.ERRORS, applies=_enveloped)
def has_the_type_of_its_status(exchange: Exchange) -> Iterable[Finding]:
    """The type of an error goes with its status: clients decide by either."""
    assert exchange.response is not None
    found, status = body_of(exchange)["error"]["type"], exchange.response.status
    legal = TYPES.get(found)
    if legal is None or status not in legal:
        wanted = " or ".join(name for name, statuses in TYPES.items() if status in statuses)
        yield from differs("/error/type", f"{found} with {status}", wanted or "a type of the Messages API")


@rule(
    "gateway.error.message",
    SHOULD,
    harm=MISLEADS,
    families=GATEWAYS,
    source="code.claude.com/docs/en/llm-gateway-protocol#automatic-retry-and-error-forwarding, read 2026-08-22",
    applies=lambda exchange: _failed(exchange) and got_error(exchange) and 400 <= said(exchange).status < 500,
)
def passes_the_words_on(exchange: Exchange) -> Iterable[Finding]:
    """The words in which the upstream refuses a request reach the client, which reacts to them."""
    assert exchange.response is not None
    wanted = said(exchange).message
    if said(exchange).status in (401, 403) or not wanted:
        return  # the key is the gateway's own: its refusal is not the client's affair
    if wanted not in exchange.response.text and wanted not in str(body_of(exchange)):
        yield from differs("/error/message", status_and_body(exchange), f"{shown(wanted)} in it")


@rule(
    "gateway.error.retry-after",
    MUST,
    harm=MISLEADS,
    families=GATEWAYS,
    source=sources.RATE_LIMITS,
    reads={RESPONSE_HEADERS},
    applies=lambda exchange: _failed(exchange) and got_error(exchange) and _retry_after(exchange) is not None,
)
def passes_retry_after_on(exchange: Exchange) -> Iterable[Finding]:
    """The upstream's retry-after reaches the client, or a longer one: the client waits no less than it has to."""
    assert exchange.response is not None
    found, wanted = exchange.response.header("retry-after"), _retry_after(exchange)
    if found != wanted and not _waits_longer(found, wanted):
        yield Finding(place=Place(header="retry-after"), found=found or "absent", wanted=str(wanted))


MOST_LONGER: Final = 2.0
"""A gateway may let clients wait longer than its upstream asks for, by this factor (our own)."""


def _waits_longer(found: str | None, wanted: str | None) -> bool:
    """Whether a number of seconds is as long as another one, or up to twice as long."""
    seconds = [re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value or "") for value in (found, wanted)]
    if seconds[0] is None or seconds[1] is None:
        return False
    given, asked = float(seconds[0][0]), float(seconds[1][0])
    return asked <= given <= asked * MOST_LONGER


def _retry_after(exchange: Exchange) -> str | None:
    return next((value for name, value in said(exchange).headers if name.lower() == "retry-after"), None)


# -- in the middle of an answer ------------------------------------------------------------------------------------


def _errs_late(exchange: Exchange) -> bool:
    return reached(exchange) and exchange.request.streamed and said(exchange).broken == "error" and not leaves(exchange)


@rule("gateway.error.mid-stream", MUST, harm=LOSES, families=GATEWAYS, source=sources.STREAMING, applies=_errs_late)
def reports_errors_in_mid_stream(exchange: Exchange) -> Iterable[Finding]:
    """An error of the upstream in mid-stream is an error event, and no normal end follows."""
    response = exchange.response
    if response is None or response.status >= 400:
        return
    if not response.is_event_stream:
        yield from differs("", status_and_body(exchange), "an error event")
        return
    walk = walk_of(exchange)
    ended = any(event.type == "message_stop" for event in walk.events)
    if ended:
        yield from differs("", f"a normal end with {shown(stop_reason_of(exchange))}", "an error event and no end")
    elif walk.error is None and response.ending == COMPLETE:
        yield from differs("", "the stream ends without an error event", "an error event")


@rule(
    "gateway.error.mid-stream-form",
    MUST,
    harm=MISLEADS,
    families=GATEWAYS,
    source=sources.STREAMING,
    applies=_errs_late,
)
def gives_error_events_their_form(exchange: Exchange) -> Iterable[Finding]:
    """An error event has an error object with a type of the Messages API and a message."""
    response = exchange.response
    if response is None or not response.is_event_stream or walk_of(exchange).error is None:
        return
    event = walk_of(exchange).error
    error = None if event is None else event.fields.get("error")
    good = isinstance(error, dict) and error.get("type") in tuple(TYPES) and isinstance(error.get("message"), str)
    if not good:
        yield from differs("/error", shown(error), "an object with a type of the Messages API and a message")


@rule(
    "gateway.error.hidden",
    MUST,
    harm=LOSES,
    families=GATEWAYS,
    source=SOURCE,
    applies=lambda exchange: reached(exchange) and said(exchange).status == 200 and said(exchange).broken == "page",
)
def reports_hidden_errors(exchange: Exchange) -> Iterable[Finding]:
    """An error or a page that the upstream gives under the status 200 does not become a message."""
    if is_whole_message(exchange):
        found = f"a message that ends with {shown(stop_reason_of(exchange))}"
        yield from differs("", found, "an error, as the upstream gave no answer")


def _is_cut(exchange: Exchange) -> bool:
    """The upstream broke off. An endless silence is no cut: gateway.error.silence judges it."""
    broken = said(exchange).broken if reached(exchange) and not leaves(exchange) else ""
    return broken in ("cut", "reset") or (broken == "end" and exchange.request.streamed)


@rule("gateway.error.cut", MUST, harm=LOSES, families=GATEWAYS, source=sources.STREAMING, applies=_is_cut)
def shows_cuts(exchange: Exchange) -> Iterable[Finding]:
    """An answer that the upstream broke off does not end as if it were whole."""
    if is_whole_message(exchange):
        found = f"a message that ends with {shown(stop_reason_of(exchange))}"
        yield from differs("/stop_reason", found, "an error, or a connection that breaks too")


@rule(
    "gateway.error.cut-reported",
    SHOULD,
    harm=MISLEADS,
    families={TRANSLATES},
    source=sources.STREAMING,
    applies=_is_cut,
)
def reports_cuts(exchange: Exchange) -> Iterable[Finding]:
    """An answer that the upstream broke off is reported: by an error event, an error status or a broken connection."""
    response = exchange.response
    if response is None or response.status >= 400 or response.ending != COMPLETE or is_whole_message(exchange):
        return
    if not response.is_event_stream or walk_of(exchange).error is None:
        yield from differs("", "the answer ends in its middle without a word", "an error event")


@rule(
    "gateway.error.text-before",
    MUST,
    harm=LOSES,
    families=GATEWAYS,
    source=sources.STREAMING,
    applies=lambda exchange: (_is_cut(exchange) or _errs_late(exchange)) and said(exchange).after > 0,
)
def delivers_what_came_before(exchange: Exchange) -> Iterable[Finding]:
    """What a stream said before it broke reaches the client, and no other text."""
    response = exchange.response
    if response is None or not response.is_event_stream:
        return
    said_text = "".join(block.text for block in said(exchange).blocks if block.kind == TEXT)
    found = "".join(map(added_text, response.events))
    if said_text and not said_text.startswith(found):
        yield from differs("/content", shown(found[-160:]), f"the beginning of {shown(said_text)}")
    elif said_text and not found and said(exchange).broken not in ("cut", "reset"):
        yield from differs("/content", "nothing of the answer", shown(said_text[: said(exchange).after]))


# -- a client that leaves ------------------------------------------------------------------------------------------


@rule(
    "gateway.error.client-leaves",
    MUST,
    harm=MISBILLS,
    families=GATEWAYS,
    source=sources.STREAMING,
    reads={TIMES},
    raw=True,
    applies=lambda exchange: reached(exchange) and leaves(exchange) and exchange.request.streamed,
    provoked="The client leaves in the middle of a stream that the upstream goes on with for many seconds.",
)
def ends_the_upstream_request(exchange: Exchange) -> Iterable[Finding]:
    """When the client leaves, the gateway ends the request to the upstream, which goes on speaking for seconds."""
    call = call_of(exchange)
    ours, theirs = exchange.response, None if call is None else call.response
    if ours is None or theirs is None or ours.ending != LEFT or ours.ended_at_s > theirs.ended_at_s:
        return  # nothing came that the client could have left before the upstream's end
    if call is not None and call.ending not in ("left", ""):
        yield from differs("", "the upstream spoke to its end", "the gateway closes the connection to the upstream")


@rule(
    "gateway.error.client-leaves-soon",
    SHOULD,
    harm=MISBILLS,
    families=GATEWAYS,
    source=sources.STREAMING,
    reads={TIMES},
    raw=True,
    applies=lambda exchange: reached(exchange) and observed("leaves-in-silence")(exchange),
    provoked="The client leaves while the upstream is silent for two seconds, and again for eight.",
)
def notices_a_client_that_leaves(exchange: Exchange) -> Iterable[Finding]:
    """When the client leaves during a silence, the gateway ends the request before the upstream goes on."""
    call = call_of(exchange)
    ours, theirs = exchange.response, None if call is None else call.response
    if ours is None or theirs is None or ours.ending != LEFT:
        return
    if any(chunk.at_s > ours.ended_at_s for chunk in theirs.chunks):
        found = "the request was still open when the upstream went on"
        yield from differs("", found, "the gateway closes the connection to the upstream during the silence")


MORE_THAN_PROMISED: Final = 1.5
"""A request may wait this many times the promised limit (our own)."""


def _silence_limit_s(exchange: Exchange) -> float | None:
    """The silence after which the gateway promises to end a request, in a case that is about it."""
    return next((float(value) for value in values_of("endless-silence", exchange)), None)


@rule(
    "gateway.error.silence",
    MUST,
    harm=BREAKS,
    families=GATEWAYS,
    source=SOURCE,
    reads={TIMES},
    applies=lambda exchange: reached(exchange) and _silence_limit_s(exchange) is not None,
    provoked="With --silence-limit: the upstream falls silent in the middle of its answer and never ends it.",
)
def ends_an_endless_silence(exchange: Exchange) -> Iterable[Finding]:
    """A request whose upstream stays silent longer than the gateway promises ends, and not as if it were whole."""
    response, call = exchange.response, call_of(exchange)
    spoke_s = call.response.chunks[-1].at_s if call is not None and call.response and call.response.chunks else 0.0
    until_s = spoke_s + (_silence_limit_s(exchange) or 0) * MORE_THAN_PROMISED
    if response is None or response.ending == STALLED or response.ended_at_s > until_s:
        yield from differs("", "the client still waits after one and a half times the limit", "an error, or the end")
    elif is_whole_message(exchange):
        yield from differs("/stop_reason", "the answer ends as if it were whole", "an error, or a connection that ends")
