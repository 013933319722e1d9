"""The rule for the limit that the list of models promises: a request with exactly this max_tokens is accepted.

The stream is left after its first delta, so the judge asks this rule about an exchange that no other rule reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import beyond_context, refusal, response_of
from messages_conformance.rules.catalogue import ANTHROPIC, MISLEADS, rule
from messages_conformance.rules.recording_parts import PROBES
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

REACHED: Final = "adjacent.models.max_tokens-accepted"
TOO_OFTEN: Final = 429


@rule(
    REACHED,
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"models"},
    source=f"{sources.sdk('types/model_info.py')} (max_tokens); kekzl/imp#1703 (GitHub), read 2026-11-30",
    applies=lambda exchange: REACHED in exchange.probes and exchange.response is not None,
    raw=True,
    reads={PROBES},
    provoked="A model of the list is asked with exactly the max_tokens of its entry; the stream is left early.",
)
def accepts_the_limit_that_it_lists(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A request with exactly the max_tokens that the list of models has for a model is accepted."""
    status = response_of(exchange).status
    if words := beyond_context(exchange):
        yield Unverified(reason=f"the request exceeds the context window of the model: {words}")
    elif 400 <= status < 500 and status != TOO_OFTEN:
        yield refusal(exchange, "200: the list of models has this limit")
