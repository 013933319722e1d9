"""Rules for failures that come and go: the same request fails, and succeeds or is refused when it is sent again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    at,
    blocks_of,
    body_of,
    has_message,
    is_broken_stream,
    response_of,
    shown,
    status_and_body,
    streamed,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, MISLEADS, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.request_features import features
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Place, Unverified

BUSY: Final = frozenset({503, 529})
"""Statuses of a server that is busy: they are waited out, and are no failures."""

MIN_FAILURES: Final = 5
"""At least this many different requests must fail in one run, because a server may fail now and then (our own)."""

MIN_SHARE: Final = 0.02
"""And they must be this share of its requests; no API of the field promises less than 99 % (our own)."""


@rule(
    "errors.status.intermittent-5xx",
    SHOULD,
    harm=BREAKS,
    source=f"{sources.ERRORS}; anthropics/claude-code#2728, anthropics/claude-code#6784 (GitHub), read 2026-11-30",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A request that is answered with a 5xx is sent once more.",
)
def answers_at_the_first_attempt(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A request that the target can answer or refuse does not often fail with a 5xx before."""
    sent = [one for one in exchanges if answered(one)]
    failed = _failed_at_first(sent)
    if not sent:
        yield Unverified(reason="nothing was answered")
    elif _failing_kind(sent) is not None:
        yield Unverified(reason="only requests of one kind fail, which errors.status.5xx-of-one-kind judges")
    elif len(failed) >= MIN_FAILURES and len(failed) >= MIN_SHARE * len(sent):
        found = (
            f"a 5xx in {len(failed)} of {len(sent)} answers, whatever the request is, and not when it is sent again; "
            f"for example {status_and_body(failed[0])}"
        )
        yield Finding(
            exchange=failed[0].number, place=STATUS, found=found, wanted="the answer that came the second time"
        )


def _is_failure(exchange: Exchange) -> bool:
    status = response_of(exchange).status
    return status >= 500 and status not in BUSY


def _failed_at_first(sent: Sequence[Exchange]) -> list[Exchange]:
    """The answers with a 5xx whose request was answered or refused when it was sent again."""
    later = {one.request.identity for one in sent if one.probes and one.repeated and response_of(one).status < 500}
    # The judge gets the answer that failed without the probes of its request.
    return [one for one in sent if not one.probes and _is_failure(one) and one.request.identity in later]


MIN_OF_ONE_KIND: Final = 5
"""At least this many different requests of one kind must fail (our own)."""

MIN_KIND_SHARE: Final = 0.05
"""And they must be this share of their kind: a server may fail now and then (our own)."""

CHANCE: Final = 1e-3
"""How likely it may be that failures that come by chance all strike one kind, over all kinds (our own)."""


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A feature that all failed requests have: its name, the failures, and how many answers with and without it."""

    feature: str
    failed: Sequence[Exchange]
    having: int
    others: int

    @property
    def words(self) -> str:
        """The feature in words, after `requests with`."""
        name = self.feature
        if name.startswith("block."):
            return f"a {name.removeprefix('block.').removeprefix('user.').removeprefix('assistant.')} block"
        return f"the path {name}" if name.startswith("/") else name


@rule(
    "errors.status.5xx-of-one-kind",
    MUST,
    harm=BREAKS,
    source="vllm-project/vllm#48273 (GitHub), read 2026-11-30",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A request that is answered with a 5xx is sent once more.",
)
def fails_for_no_kind_of_request(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Valid requests of one kind, such as those that end in a tool call, do not often fail with a 5xx at first."""
    sent = [one for one in exchanges if answered(one)]
    if not any(map(has_message, sent)):
        yield Unverified(reason="no request was answered with a message")
    elif (kind := _failing_kind(sent)) is not None:
        found = (
            f"a 5xx for {len(kind.failed)} of {kind.having} requests with {kind.words}, for none of {kind.others} "
            f"others, and not when sent again; for example {status_and_body(kind.failed[0])}"
        )
        wanted = "the answer that came the second time"
        yield Finding(exchange=kind.failed[0].number, place=STATUS, found=found, wanted=wanted)


def _failing_kind(sent: Sequence[Exchange]) -> _Kind | None:
    """The kind of request to which failures are confined; None if they are few, or occur in requests of all kinds.

    Two rules ask for it, so that it is kept in the first of the exchanges, together with what they are.
    """
    if not sent:
        return None
    kept: dict[Any, Any] = sent[0].__dict__
    numbers = tuple(one.number for one in sent)
    if kept.get("failing kind", ((), None))[0] != numbers:
        kept["failing kind"] = numbers, _searched_kind(sent)
    found: _Kind | None = kept["failing kind"][1]
    return found


def _searched_kind(sent: Sequence[Exchange]) -> _Kind | None:
    answers = [one for one in sent if has_message(one)]
    by_request = {one.request.identity: one for one in answers}
    failed = {one.request.identity: one for one in _failed_at_first(sent) if one.request.identity in by_request}
    if len(failed) < MIN_OF_ONE_KIND:
        return None
    kinds = {identity: _kinds_of(one) for identity, one in by_request.items()}
    shared = frozenset.intersection(*(kinds[identity] for identity in failed))
    having = {name: sum(name in each for each in kinds.values()) for name in shared}
    rare = [name for name in shared if len(failed) >= MIN_KIND_SHARE * having[name]]
    if not rare:
        return None
    best = min(rare, key=lambda name: (having[name], name))
    if len(shared) * (having[best] / len(kinds)) ** len(failed) > CHANCE:
        return None
    return _Kind(feature=best, failed=tuple(failed.values()), having=having[best], others=len(kinds) - having[best])


def _kinds_of(exchange: Exchange) -> frozenset[str]:
    """The features of a request, and the types of the blocks of its answer."""
    return features(exchange) | {f"a {block.get('type')} block in the answer" for block in blocks_of(exchange)}


PERMANENT: Final = frozenset(
    {"invalid_request_error", "authentication_error", "permission_error", "not_found_error", "request_too_large"}
)
"""Types of errors that blame the request or the key: no client sends such a request again."""

ABOUT_THE_KEY: Final = frozenset({"authentication_error", "permission_error"})
"""Those that blame the key."""

BLAMING_STATUSES: Final = frozenset({400, 404, 405, 415, 422})
"""Statuses after which the official SDKs do not send a request again: they repeat 408, 409, 429 and 5xx."""

MAY_CHANGE: Final = re.compile(r"filter|policy|policies|moderation|safety|credit|balance|billing", re.IGNORECASE)
"""Words of refusals that depend on the answer of the model or on the account, and not on the request alone. The API
uses invalid_request_error also for a blocked answer and for an account without credit."""

MIN_WRONGLY_BLAMED: Final = 2
"""At least this many requests must be blamed and then accepted (our own: one may be a change of the configuration)."""


@rule(
    "errors.type.temporary",
    MUST,
    harm=MISLEADS,  # the client gives up, or its user looks for a mistake in the request
    families={ANTHROPIC},
    needs={"error-envelope"},
    source=f"{sources.ERRORS}; QwenLM/qwen-code#11215 (GitHub), read 2026-11-30",
    over=RUN,
    reads={REQUEST},
    provoked="Requests are sent several times; a stream that ends in an error event is requested once more.",
)
def blames_no_request_that_it_accepts(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A failure of the moment is not reported as invalid_request_error: sent again, the same request is accepted."""
    answers = [one for one in exchanges if has_message(one) and not is_broken_stream(one)]
    if not answers:
        yield Unverified(reason="no request was answered with a message")
        return
    accepted = {one.request.identity: one.number for one in answers}
    # A key can be withdrawn during a run, so that the order of the answers matters.
    later = {one.request.identity for one in answers if one.repeated}
    blamed = [
        (one, kind)
        for one in exchanges
        if answered(one)
        and one.creates_message
        and (kind := _blame(one))
        and one.request.identity in (later if kind in ABOUT_THE_KEY else accepted)
    ]
    if len(blamed) >= MIN_WRONGLY_BLAMED:
        yield from _wrong_blame(blamed, accepted[blamed[0][0].request.identity])


def _blame(exchange: Exchange) -> str:
    """The type of an error that blames the request, in a refusal or in an error event; empty for any other answer."""
    event = walk_of(exchange).error if streamed(exchange) else None
    if event is None and response_of(exchange).status < 400:
        return ""
    fields = event.fields if event is not None else body_of(exchange)
    error = fields.get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    if event is None and not isinstance(kind, str):
        return _blame_by_status(exchange)
    if not isinstance(error, dict) or not isinstance(kind, str) or MAY_CHANGE.search(str(error.get("message"))):
        return ""
    return kind if kind in PERMANENT else ""


def _blame_by_status(exchange: Exchange) -> str:
    """The same of a refusal in another form, of which clients know the status only."""
    response = response_of(exchange)
    blames = response.status in BLAMING_STATUSES and not MAY_CHANGE.search(response.text)
    return f"status {response.status}" if blames else ""


def _wrong_blame(blamed: Sequence[tuple[Exchange, str]], other: int) -> Iterator[Finding]:
    exchange, kind = blamed[0]
    event = walk_of(exchange).error if streamed(exchange) else None
    place = at(event, "/error/type") if event is not None else Place(pointer="/error/type")
    place = STATUS if kind.startswith("status ") else place
    kind = kind if place == STATUS else shown(kind)
    found = f"{kind}, and the same request was accepted in exchange {other}; so {len(blamed)} times"
    wanted = "a type that clients send again: api_error, overloaded_error, rate_limit_error or timeout_error"
    yield Finding(exchange=exchange.number, place=place, found=found, wanted=wanted)
