"""The rule for tool calls that max_tokens cuts: a program must not run them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    closing_usage,
    count,
    in_message,
    is_broken_stream,
    limit_of,
    shown,
    stop_reason_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.offered_tools import may_offer_tools
from messages_conformance.rules.paired_requests import requests_without
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

COMPLETE: Final = ("tool_use", "end_turn")
"""Stop reasons with which a client runs the calls, or takes the answer for complete."""

MIN_EXCESS: Final = 1.5
"""The uncut call costs this many times the limit, so that chance does not explain a shorter one (our own)."""

END_TOKENS: Final = 1
"""Some servers count the token that ends an answer, others do not (our own)."""

MIN_CUT: Final = 2
"""At least this many answers must end at the limit: one may be a complete answer of just this length (our own)."""


@rule(
    "stop.max_tokens.cut-call",
    MUST,
    harm=LOSES,  # the client runs a tool with a part of its input
    families={ANTHROPIC},
    source=f"{sources.STOP_REASONS} (a tool call may be incomplete after max_tokens)",
    needs={"tools", "forced-tools"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A call with a long stated input is forced, with a large and a small max_tokens.",
)
def reports_that_a_call_was_cut(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer that the limit ends inside a tool call has stop_reason max_tokens, not tool_use or end_turn."""
    cut = [
        (one, control) for one, control in requests_without("max_tokens", exchanges, larger=True) if _is_call(control)
    ]
    at_limit = [(one, control) for one, control in cut if _ends_at_limit(one, control)]
    wrong = [pair for pair in at_limit if stop_reason_of(pair[0]) in COMPLETE]
    if len(wrong) >= MIN_CUT:
        one, control = wrong[0]
        spent = count(closing_usage(control), "output_tokens")
        found = f"{shown(stop_reason_of(one))} after {count(closing_usage(one), 'output_tokens')} tokens"
        wanted = (
            f'"max_tokens": the limit is {limit_of(one)}, and the whole call costs {spent} (exchange {control.number})'
        )
        yield Finding(exchange=one.number, place=in_message(one, "/stop_reason"), found=found, wanted=wanted)
    elif not at_limit:
        yield Unverified(reason="no call was cut by max_tokens")


def _is_call(exchange: Exchange) -> bool:
    # Calls that no tool of the request allows are another requirement.
    has_tools = may_offer_tools(exchange)
    has_call = has_tools and any(block.get("type") == "tool_use" for block in blocks_of(exchange))
    return has_call and stop_reason_of(exchange) == "tool_use" and not is_broken_stream(exchange)


def _ends_at_limit(one: Exchange, control: Exchange) -> bool:
    """Whether an answer has as many tokens as its limit, and the same call without this limit costs much more."""
    limit, spent = limit_of(one), count(closing_usage(one), "output_tokens")
    whole = count(closing_usage(control), "output_tokens")
    return limit is not None and limit - END_TOKENS <= spent <= limit and whole > MIN_EXCESS * limit
