"""The rule for answers that a filter empties: they are refusals or errors, and no answers that look complete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    is_broken_stream,
    json_key,
    limit_of,
    message_of,
    stop_reason_of,
    text_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, TOKMODEL, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

MIN_EMPTY: Final = 3
"""At least this many answers to one question must all be empty (our own: a model may say nothing by chance)."""

MIN_OTHERS: Final = 20
"""At least this many plain questions must have been answered, so that empty answers are an exception (our own)."""

MAX_EMPTY_SHARE: Final = 0.02
"""More empty answers to other questions than this share: the model often says nothing (our own)."""

MIN_LIMIT: Final = 8
"""A question with a smaller max_tokens may be answered by nothing."""


@rule(
    "stop.refusal.not-end_turn",
    MUST,
    harm=LOSES,  # clients take the blocked answer as complete, and continue with nothing
    families={ANTHROPIC, TOKMODEL},
    needs={"text"},
    source=f"{sources.STOP_REASONS}; BerriAI/litellm#40857 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Questions contain text that filters block; one with an empty answer is asked again.",
)
def reports_blocked_answers(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer that a filter blocks has stop_reason refusal or is an error; it is no empty end_turn."""
    asked: dict[bytes, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        if _is_plain(exchange):
            fields = exchange.request.fields
            asked[json_key({name: value for name, value in fields.items() if name != "stream"})].append(exchange)
    answers = [exchange for group in asked.values() for exchange in group]
    emptied = [group for group in asked.values() if len(group) >= MIN_EMPTY and all(map(_is_empty, group))]
    blocked = {exchange.number for group in emptied for exchange in group}
    others = [exchange for exchange in answers if exchange.number not in blocked]
    if len(others) < MIN_OTHERS or sum(map(_is_empty, others)) > MAX_EMPTY_SHARE * len(others):
        yield Unverified(reason="too few plain questions were answered with a text")
        return
    for group in emptied[:1]:
        found = f"content without text and end_turn in all {len(group)} answers; {len(others)} others have a text"
        place = in_message(group[0], "/stop_reason")
        yield Finding(exchange=group[0].number, place=place, found=found, wanted='"refusal", or an error')


def _is_plain(exchange: Exchange) -> bool:
    """Whether a question of text alone was answered with a message that ended by itself."""
    if not has_message(exchange) or is_broken_stream(exchange) or message_of(exchange) is None:
        return False
    fields = exchange.request.fields
    turns = fields.get("messages")
    last = turns[-1] if isinstance(turns, list) and turns else None
    asks_in_text = isinstance(last, dict) and last.get("role") == "user" and isinstance(last.get("content"), str)
    special = {"tools", "thinking", "stop_sequences"} & set(fields)
    ended = stop_reason_of(exchange) == "end_turn"
    return asks_in_text and not special and ended and (limit_of(exchange) or 0) >= MIN_LIMIT


def _is_empty(exchange: Exchange) -> bool:
    """Whether an answer has no text, and no other block instead."""
    return not text_of(exchange).strip() and all(block.get("type") == "text" for block in blocks_of(exchange))
