"""Rules for the effect of thinking: where a budget is accepted, the thinking is shown, in later turns, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    is_broken_stream,
    stop_reason_of,
    text_of,
    thinking_type,
    thought_tokens,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.markup import removes_the_markup_of_the_model
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

KINDS: Final = ("thinking", "redacted_thinking")
ENDED: Final = ("end_turn", "tool_use")

MIN_SILENT: Final = 5
"""So many answers to requests with a budget have no thinking, and none has: a model leaves it out now and then (our
own)."""


def _thinking(exchange: Exchange) -> list[Mapping[str, Any]]:
    return [block for block in blocks_of(exchange) if block.get("type") in KINDS]


@rule(
    "request.thinking.honoured",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; MAXeaglet/commandcode-proxy#4, BerriAI/litellm#29518 (GitHub), read 2026-11-30",
    needs={"thinking"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions are asked with a thinking budget, with and without streaming, with and without tools.",
)
def shows_the_thinking_that_is_asked_for(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Where a thinking budget is accepted, answers have thinking blocks: not all of them are without."""
    answers = [
        one for one in exchanges if has_message(one) and thinking_type(one) == "enabled" and not is_broken_stream(one)
    ]
    complete = [one for one in answers if stop_reason_of(one) in ENDED and (text_of(one) or blocks_of(one))]
    if any(map(_thinking, answers)):
        return
    # Thinking that comes as text is another requirement.
    if any(True for one in complete for _ in removes_the_markup_of_the_model(one)):
        yield Unverified(reason="the thinking is in the text, which response.content.no-model-markup judges")
    elif len(complete) < MIN_SILENT:
        yield Unverified(reason="no answer has a thinking block, and too few requests with a budget were answered")
    else:
        tokens = max(thought_tokens(usage_of(one)) for one in complete)
        billed = f", although {tokens} thinking tokens are counted" if tokens else ""
        found = f"no thinking block in {len(complete)} answers to requests with a budget{billed}"
        wanted = "thinking blocks, or a refusal of thinking"
        first = complete[0]
        yield Finding(exchange=first.number, place=in_message(first, "/content"), found=found, wanted=wanted)


MIN_LATER: Final = 3
"""So many answers in later turns have no thinking, and none has (our own)."""

MIN_FIRST: Final = 2
"""So many answers in the first turn show that the model thinks for each question (our own)."""


@rule(
    "request.thinking.later-turns",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; maximhq/bifrost#5887 (GitHub), read 2026-11-30",
    needs={"thinking"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions are asked with a thinking budget in the first turn and after earlier turns.",
)
def thinks_in_later_turns(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A thinking budget has an effect after earlier turns, too, and not in the first turn only."""
    answers = [
        one
        for one in exchanges
        if has_message(one)
        and thinking_type(one) == "enabled"
        and not is_broken_stream(one)
        and stop_reason_of(one) in ENDED
    ]
    later = [one for one in answers if _has_earlier_turns(one)]
    first = [one for one in answers if not _has_earlier_turns(one)]
    if len(later) < MIN_LATER or len(first) < MIN_FIRST or not all(map(_thinking, first)):
        yield Unverified(reason="too few answers in later turns, or the model does not always think in the first turn")
    elif not any(map(_thinking, later)):
        one = later[0]
        found = f"no thinking block in {len(later)} answers after earlier turns"
        wanted = f"thinking blocks, as in the {len(first)} answers in the first turn"
        yield Finding(exchange=one.number, place=in_message(one, "/content"), found=found, wanted=wanted)


def _has_earlier_turns(exchange: Exchange) -> bool:
    messages = exchange.request.fields.get("messages")
    turns = messages if isinstance(messages, list) else []
    return any(isinstance(turn, Mapping) and turn.get("role") == "assistant" for turn in turns)
