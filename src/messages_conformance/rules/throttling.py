"""The rule for rate limits that a header triggers: they are no rate limits, and waiting does not help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.catalogue import BREAKS, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, STATUS, Finding, Unverified

BETA: Final = "anthropic-beta"

ENOUGH_REQUESTS: Final = 2
"""This many requests with the header were all throttled (our own: one alone may be chance)."""

ENOUGH_OTHERS: Final = 10
"""This many other requests were answered, and none was throttled (our own)."""


@rule(
    "errors.429-by-header",
    MUST,
    harm=BREAKS,  # a client waits and sends the request again and again
    source="platform.claude.com/docs/en/api/rate-limits, read 2026-08-20 (limits count requests and tokens)",
    over=RUN,
    raw=True,
    reads={REQUEST},
    provoked="Some requests have an anthropic-beta header, and most have none.",
)
def limits_rates_and_not_headers(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Requests with an anthropic-beta header are not throttled each time while all others are answered."""
    with_beta = [one for one in exchanges if one.request.header(BETA) is not None]
    others = [one for one in exchanges if one.request.header(BETA) is None]
    throttled = [one for one in with_beta if _is_throttled(one)]
    if len(with_beta) < ENOUGH_REQUESTS or len(others) < ENOUGH_OTHERS:
        yield Unverified(reason=f"fewer than {ENOUGH_REQUESTS} requests had an {BETA} header, or few others were sent")
    elif throttled == with_beta and not any(_is_throttled(one) or one.waits for one in others):
        found = f"429 to each of {len(throttled)} requests with {BETA}, and to none of {len(others)} others"
        yield Finding(exchange=throttled[0].number, place=STATUS, found=found, wanted="an answer")


def _is_throttled(exchange: Exchange) -> bool:
    if exchange.response is not None:
        return exchange.response.status == 429
    return exchange.failure is not None and exchange.failure.kind == "rate-limited"
