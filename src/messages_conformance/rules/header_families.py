"""Rules for headers over several answers: streams have those of other answers, and rate limits stay plausible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import answered, json_message, response_of, shown, streamed
from messages_conformance.rules.answer_parts import is_time
from messages_conformance.rules.catalogue import ANTHROPIC, MISLEADS, RUN, rule
from messages_conformance.rules.recording_parts import RESPONSE_HEADERS
from messages_conformance.rules.verdict import SHOULD, Finding, Place, Unverified

FAMILIES: Final = ("anthropic-organization-id", "anthropic-ratelimit-")
"""Headers of which streams have the same as other answers; headers.request-id.present judges the request id."""

MIN_ANSWERS: Final = 3
"""At least this many answers of each form must agree (our own: a single front end of several may differ)."""

MAX_AGE: Final = timedelta(hours=1)
"""A reset may be this long in the past: recorded answers of the API are dated at their end, which is minutes later."""

RESETS: Final = tuple(
    f"anthropic-ratelimit-{kind}-reset" for kind in ("requests", "tokens", "input-tokens", "output-tokens")
)


def _has(exchange: Exchange, family: str) -> bool:
    return any(name.lower().startswith(family) for name, _ in response_of(exchange).headers)


@rule(
    "headers.stream-equals-json",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"stream"},
    source=f"{sources.ERRORS}; {sources.RATE_LIMITS}",
    over=RUN,
    reads={RESPONSE_HEADERS},
    provoked="Judged on all answers with and without streaming.",
)
def sends_the_same_headers_with_streams(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Streams have the organization and the rate limits in their headers if all other answers have them."""
    whole = [one for one in exchanges if json_message(one)]
    streams = [one for one in exchanges if streamed(one)]
    if min(len(whole), len(streams)) < MIN_ANSWERS:
        yield Unverified(reason="too few answers with and without streaming")
        return
    for family in FAMILIES:
        if all(_has(one, family) for one in whole) and not any(_has(one, family) for one in streams):
            wanted = f"{family}..., as in all {len(whole)} answers without streaming"
            yield Finding(exchange=streams[0].number, place=Place(header=family), found="absent", wanted=wanted)
            return


def _dated(exchange: Exchange) -> bool:
    return answered(exchange) and response_of(exchange).header("date") is not None and any(_resets(exchange))


def _resets(exchange: Exchange) -> list[tuple[str, str]]:
    found = [(name, response_of(exchange).header(name)) for name in RESETS]
    return [(name, value) for name, value in found if value is not None and is_time(value)]


@rule(
    "headers.ratelimit.sane",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"rate-limit-headers"},
    source=sources.RATE_LIMITS,
    applies=_dated,
    on_sight=True,
    reads={RESPONSE_HEADERS},
    provoked="Judged on every answer with such headers and a date.",
)
def resets_limits_in_the_future(exchange: Exchange) -> Iterable[Finding]:
    """anthropic-ratelimit-*-reset is at most an hour before the date of the answer."""
    try:
        date = parsedate_to_datetime(response_of(exchange).header("date") or "")
    except ValueError:
        return
    for name, value in _resets(exchange):
        reset = datetime.fromisoformat(value.upper())
        if date.tzinfo is not None and reset < date - MAX_AGE:
            yield Finding(place=Place(header=name), found=shown(value), wanted=f"a time after {date.isoformat()}")
            return
