"""Rules for requests that must be accepted or refused: each row of suites/probes.toml is one requirement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from messages_conformance.contract.probes import Probe, probes
from messages_conformance.exchange import ACCEPTED, EITHER, Exchange, is_header_placeholder
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    at,
    beyond_context,
    body_of,
    body_text,
    carries_error,
    cleanly_refused,
    near_miss,
    response_of,
    shown,
    status_and_body,
    streamed,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, EXCHANGE, RUN, TOKMODEL, Requirement, add, rule
from messages_conformance.rules.error_responses import invalid, refused_in_stream
from messages_conformance.rules.own_limits import size_limit
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.request_features import not_accepted_elsewhere
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Place, Unverified

UNAUTHORIZED = 401
ABOUT_CREDENTIALS = ".auth"
"""End of the ids of the rows that any refusal satisfies; other rows about credentials demand 401."""

VALID_REQUEST = "transport.path.post-messages"

ABOUT_SIZES = frozenset({VALID_REQUEST, "request.tools.joined-name"})
"""Requests of ordinary size: a target that refuses them for their size refuses its clients."""


def _judge(probe: Probe) -> Callable[[Exchange], Iterable[Finding | Unverified]]:
    if probe.expect != ACCEPTED:
        return lambda exchange: _refused(probe, exchange)
    return lambda exchange: _accepted(exchange, excuses_limits=probe.level == MUST)


def _accepted(exchange: Exchange, *, excuses_limits: bool = False) -> Iterator[Finding | Unverified]:
    # Other requirements judge redirects and errors under a success status.
    if response_of(exchange).status < 400:
        return
    if words := beyond_context(exchange):
        yield Unverified(reason=f"the request exceeds the context window of the model: {words}")
        return
    if excuses_limits and (words := _own_limit(exchange)):
        yield Unverified(reason=f"the target has a limit of its own: {words}")
        return
    # If the capability depends on the model, a clean refusal is a correct answer.
    optional = exchange.capability is not None or exchange.origin is not None
    if optional and exchange.expect != ACCEPTED and (refusal := cleanly_refused(exchange)):
        yield Unverified(reason=f"the target refuses it: {refusal}")
        return
    yield from _refusal_of(exchange)


def _own_limit(exchange: Exchange) -> str:
    """The words of a clean refusal for a size that the contract leaves to the target; empty for any other answer."""
    refusal = size_limit(exchange)
    is_about = not ABOUT_SIZES.isdisjoint(exchange.probes) or "cache" in refusal
    return "" if is_about else refusal


def _refusal_of(exchange: Exchange) -> Iterator[Finding]:
    if response_of(exchange).status >= 400:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="200: the request is valid")


def _controlled(probe: Probe) -> Callable[[Sequence[Exchange]], Iterable[Finding | Unverified]]:
    """A rule over a run: a refusal counts only if other requests with the same features were accepted."""

    def judge(exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
        own = [exchange for exchange in exchanges if probe.requirement in exchange.probes]
        others = [exchange for exchange in exchanges if probe.requirement not in exchange.probes]
        if not own:
            yield Unverified(reason="this run sent no such request")
        for exchange in own:
            outcomes = list(_refusal_of(exchange))
            lacking = not_accepted_elsewhere(exchange, others, without=probe.own) if outcomes else ()
            if lacking:
                yield Unverified(reason=f"no other request with {', '.join(lacking)} was accepted")
            elif outcomes and (words := beyond_context(exchange)):
                yield Unverified(reason=f"the request exceeds the context window of the model: {words}")
            elif outcomes and (words := _own_limit(exchange)) and probe.level == MUST:
                yield Unverified(reason=f"the target has a limit of its own: {words}")
            elif outcomes and _is_excused(probe, exchange):
                yield Unverified(reason=f"the target has a lower limit: {cleanly_refused(exchange)}")
            else:
                yield from (replace(outcome, exchange=exchange.number) for outcome in outcomes)

    return judge


def _is_excused(probe: Probe, exchange: Exchange) -> bool:
    """Whether the answer is a clean refusal that names a limit which a correct server may have."""
    # The id of a request may have the digits of a limit by chance.
    text = body_text(exchange).replace(str(body_of(exchange).get("request_id") or "\n"), "")
    return bool(cleanly_refused(exchange)) and any(word in text for word in probe.excused)


def _added_headers(exchange: Exchange) -> tuple[str, ...]:
    """The names of the headers that the user added to the request."""
    return tuple(name for name, value in exchange.request.headers if is_header_placeholder(value))


def _about_credentials(probe: Probe) -> bool:
    return UNAUTHORIZED in probe.statuses or probe.requirement.endswith(ABOUT_CREDENTIALS)


def _refused(probe: Probe, exchange: Exchange) -> Iterator[Finding | Unverified]:
    status = response_of(exchange).status
    if probe.error_status not in (None, status) or (probe.refusals_only and status < 400):
        return  # another row judges the status
    wanted = " or ".join(map(str, probe.statuses)) or "a 4xx status"
    if 200 <= status < 300 and _about_credentials(probe) and (added := _added_headers(exchange)):
        yield Unverified(reason=f"the request also had {', '.join(added)} of --header, which may be a credential, too")
    elif 200 <= status < 300:
        if not carries_error(exchange) and not refused_in_stream(exchange):
            yield Finding(place=STATUS, found=f"{status}: the request was accepted", wanted=wanted)
    elif status >= 500 and (invalid(exchange) or probe.requirement.endswith(ABOUT_CREDENTIALS)):
        return  # judged as errors.no-5xx-on-bad-input, or as a wrong status of another row
    elif status >= 500 or (probe.statuses and status not in probe.statuses):
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted=wanted)
    elif status >= 400 and probe.error_type is not None:
        yield from _error_type(probe.error_type, exchange)


def _error_type(wanted: str, exchange: Exchange) -> Iterator[Finding]:
    error = body_of(exchange).get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    # errors.envelope and transport.content-type judge a body without the envelope.
    if isinstance(kind, str) and kind != wanted:
        yield Finding(place=Place(pointer="/error/type"), found=shown(kind), wanted=shown(wanted))


def _applies(probe: Probe) -> Callable[[Exchange], bool]:
    return lambda exchange: answered(exchange) and probe.requirement in exchange.probes


def register() -> None:
    """Adds every row of the table to the catalogue."""
    for probe in probes().values():
        if probe.judged_elsewhere:
            continue
        add(
            Requirement(
                id=probe.requirement,
                level=probe.level,
                harm=probe.harm,
                sentence=probe.sentence,
                source=probe.source,
                families=probe.families,
                api_version=probe.api_version,
                model_dependent=False,
                needs=probe.needs,
                reads=frozenset({PROBES, REQUEST} if probe.controlled or _about_credentials(probe) else {PROBES}),
                capability=probe.capability,
                probed=not probe.controlled,
                over=RUN if probe.controlled else EXCHANGE,
                provoked=f"Sent and expected to be {probe.expect}: {probe.describes()}.",
                applies=_applies(probe),
                judge=_controlled(probe) if probe.controlled else _judge(probe),
            )
        )


def _is_valid(exchange: Exchange) -> bool:
    """Whether the request is valid, including those that a model without the capability may refuse."""
    optional = exchange.capability is not None or exchange.origin is not None
    return exchange.expect == ACCEPTED or (optional and exchange.expect == EITHER and not near_miss(exchange))


@rule(
    VALID_REQUEST,
    MUST,
    harm=BREAKS,
    source=f"{sources.SEED}; {sources.OVERVIEW}",
    applies=lambda exchange: answered(exchange) and _is_valid(exchange) and exchange.creates_message,
    reads={PROBES},
    provoked="Every plain and streamed request of the suites is valid.",
)
def answers_valid_requests(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """POST /v1/messages answers a valid request with 200 and a complete answer."""
    if VALID_REQUEST in exchange.probes:
        yield from _accepted(exchange)
    # One error event may be an outage; after a repetition it is the answer of the endpoint.
    if streamed(exchange) and exchange.repeated and (error := walk_of(exchange).error) is not None:
        found = f"{response_of(exchange).status}, then {shown(error.wire.data, 160)}, each time"
        yield Finding(place=at(error), found=found, wanted="a complete answer: the request is valid")


ECHO = "response.content.echoable"


def _echoes(exchange: Exchange) -> bool:
    return answered(exchange) and ECHO in exchange.probes


@rule(
    ECHO,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    source=sources.sdk("types/message.py to_param"),
    applies=_echoes,
    reads={PROBES},
    provoked="The content of an answer is sent as the assistant turn of the next request.",
)
def accepts_its_own_answer(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The content of an answer is accepted as an assistant turn of the next request."""
    return _accepted(exchange)


@rule(
    f"{ECHO}-tokmodel",
    SHOULD,
    harm=BREAKS,
    families={TOKMODEL},
    source="compatibility with the format",
    applies=_echoes,
    reads={PROBES},
    provoked="The content of an answer is sent as the assistant turn of the next request.",
)
def accepts_its_own_text(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The text of an answer is accepted as an assistant turn of the next request."""
    return _accepted(exchange)
