"""The rule for thinking that a stream shows in part only, although it is billed like the thinking of a whole answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import blocks_of, closing_usage, count, in_message, shown
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.missing_text import is_without_a_piece
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream_parity import Pair, answered_pairs
from messages_conformance.rules.verdict import MUST, Finding, Unverified

MIN_PAIRS: Final = 2
"""At least this many streams must lack a piece, and no other: two thoughts of a model differ in more than one piece
(our own)."""


@rule(
    "stream.delta.thinking-complete",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.STREAMING} (thinking deltas); BerriAI/litellm#20737 (GitHub), read 2026-11-30",
    needs={"stream", "thinking"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Requests with thinking are sent with and without streaming.",
)
def streams_the_complete_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The thinking deltas add up to the complete thinking: streams billed like whole answers lack no piece of it."""
    pairs = [pair for pair in answered_pairs(exchanges) if all(map(_thinking, pair))]
    equal = [pair for pair in pairs if _spent(pair[0]) == _spent(pair[1]) > 0]
    lost = [pair for pair in equal if is_without_a_piece(*map(_thinking, pair))]
    if len(pairs) < MIN_PAIRS:
        yield Unverified(reason="fewer than two requests were answered with thinking in both forms")
    elif len(lost) == len(pairs):
        yield _finding(lost)


def _thinking(exchange: Exchange) -> str:
    """All thinking that an answer shows; empty if it shows none."""
    thoughts = [block.get("thinking") for block in blocks_of(exchange) if block.get("type") == "thinking"]
    return "".join(one for one in thoughts if isinstance(one, str))


def _spent(exchange: Exchange) -> int:
    return count(closing_usage(exchange), "output_tokens")


def _finding(lost: list[Pair]) -> Finding:
    streamed, whole = lost[0]
    found = f"{shown(_thinking(streamed))} in a stream; so in all {len(lost)} pairs, and billed alike"
    wanted = f"{shown(_thinking(whole))}, as in exchange {whole.number}"
    return Finding(exchange=streamed.number, place=in_message(streamed, "/content"), found=found, wanted=wanted)
