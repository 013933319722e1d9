"""Rules for large request bodies: the same invalid request is sent small and large, and refused in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import beyond_context, body_of, refusal, response_of
from messages_conformance.rules.catalogue import BREAKS, RUN, rule
from messages_conformance.rules.error_responses import LARGE_BODY
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

MEGABYTE: Final = 1_000_000


@rule(
    LARGE_BODY,
    SHOULD,
    harm=BREAKS,
    source="platform.claude.com/docs/en/api/errors (request size limits), read 2026-08-20; liaohch3/claude-tap#2 and "
    "StringKe/claudex#6 (GitHub), read 2026-11-30",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A request for an unknown model is sent with a short prompt, and with prompts of 1.1, 11 and 19 MB.",
)
def reads_large_bodies(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A request body of some megabytes is read, and answered in the same way as a short one."""
    sent = sorted((one for one in exchanges if LARGE_BODY in one.probes), key=lambda one: len(one.request.body))
    if len(sent) < 2:
        yield Unverified(reason="an unknown model was not refused, so no large body was sent")
        return
    small = sent[0]
    for large in sent[1:]:
        yield from _differs(small, large)


def _differs(small: Exchange, large: Exchange) -> Iterator[Finding | Unverified]:
    """The finding for a large body that is answered in another way than the small one."""
    if words := beyond_context(large):
        yield Unverified(reason=f"the target measures the prompt before it looks for the model: {words}")
        return
    # errors.no-5xx-on-bad-input judges a crash.
    if _way(large) != _way(small) and response_of(large).status < 500:
        size = len(large.request.body) / MEGABYTE
        wanted = f"{response_of(small).status}, as for a short body: {size:.1f} MB are below the limit"
        yield refusal(large, wanted)


def _way(exchange: Exchange) -> tuple[int, object]:
    """The status and the type of the error."""
    error = body_of(exchange).get("error")
    return response_of(exchange).status, error.get("type") if isinstance(error, dict) else None
