"""The rule for the limit that the list of models promises: a request with exactly this max_tokens is accepted.

The stream is left after its first delta, so the judge asks this rule about an exchange that no other rule reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import beyond_context, response_of, status_and_body
from messages_conformance.rules.catalogue import ANTHROPIC, MISLEADS, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import SHOULD, STATUS, Finding, Unverified

REACHED: Final = "adjacent.models.max_tokens-accepted"
TOO_OFTEN: Final = 429


@rule(
    REACHED,
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"models"},
    source=f"{sources.sdk('types/model_info.py')} (max_tokens); kekzl/imp#1703 (GitHub), read 2026-11-30",
    over=RUN,
    raw=True,
    reads={PROBES, REQUEST},
    provoked="A model of the list is asked with exactly the max_tokens of its entry; the stream is left early.",
)
def accepts_the_limit_that_it_lists(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A request with exactly the max_tokens that the list of models has for a model is accepted."""
    streams = [one for one in exchanges if one.response is not None and one.request.fields.get("stream") is True]
    sent = [one for one in streams if REACHED in one.probes]
    if not sent or not any(response_of(one).status < 400 for one in streams):
        yield Unverified(reason="no model of the list has max_tokens, or no stream was accepted")
        return
    for one in sent:
        status = response_of(one).status
        if words := beyond_context(one):
            yield Unverified(reason=f"the request exceeds the context window of the model: {words}")
        elif 400 <= status < 500 and status != TOO_OFTEN:
            found = status_and_body(one)
            wanted = "200: the list of models has this limit"
            yield Finding(exchange=one.number, place=STATUS, found=found, wanted=wanted)
