"""Verdicts on thinking: where its blocks stand, what they show, and that they come back as they were given out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    at,
    blocks_of,
    carries_error,
    has_message,
    in_message,
    json_message,
    response_of,
    shape,
    shown,
    stop_reason_of,
    streamed,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Place, Unverified

KINDS: Final = ("thinking", "redacted_thinking")
ENDED: Final = ("end_turn", "stop_sequence", "tool_use")
"""Reasons to stop after which everything that a thought led to has been said."""

NO_THOUGHT: Final = Unverified(reason="the model did not think, or did not show it")
UNMODIFIED: Final = "request.thinking.unmodified-blocks"


def _thoughts(exchange: Exchange) -> list[tuple[int, Mapping[str, Any]]]:
    return [(number, block) for number, block in enumerate(blocks_of(exchange)) if block.get("type") in KINDS]


def _thinks(exchange: Exchange) -> bool:
    return has_message(exchange) and isinstance(exchange.request.fields.get("thinking"), dict)


def _omits(exchange: Exchange) -> bool:
    thinking = exchange.request.fields.get("thinking")
    return isinstance(thinking, dict) and thinking.get("display") == "omitted"


@rule(
    "response.content.thinking-order",
    SHOULD,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; {sources.sdk('types/thinking_block.py')}",
    applies=lambda exchange: has_message(exchange) and (_thinks(exchange) or bool(_thoughts(exchange))),
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="Questions are asked with thinking, whole and streamed.",
)
def thinks_before_it_speaks(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """Thinking blocks come before what they lead to, and have a string for a signature."""
    thoughts, blocks = _thoughts(exchange), blocks_of(exchange)
    if not thoughts:
        yield NO_THOUGHT
        return
    unsigned = list(shape(exchange, "response.content.thinking-order"))
    yield from unsigned
    number, last = len(blocks) - 1, blocks[-1]
    spoke = any(block.get("type") not in KINDS for block in blocks)
    if not unsigned and last.get("type") in KINDS and spoke and stop_reason_of(exchange) in ENDED:
        found = f"a {last['type']} block after all others"
        yield Finding(
            place=in_message(exchange, f"/content/{number}"), found=found, wanted="it before what it leads to"
        )


@rule(
    "response.content.thinking-omitted",
    SHOULD,
    families={ANTHROPIC},
    source=sources.THINKING,
    applies=lambda exchange: json_message(exchange) and _omits(exchange),
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="A question is asked with thinking whose display is omitted.",
)
def leaves_out_omitted_thinking(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """With display omitted a thinking block has an empty thinking and a signature."""
    thoughts = [(number, block) for number, block in _thoughts(exchange) if block["type"] == "thinking"]
    if not thoughts:
        yield NO_THOUGHT
    for number, block in thoughts:
        if isinstance(block.get("thinking"), str) and block["thinking"]:
            place, found = f"/content/{number}/thinking", shown(block.get("thinking"))
            yield Finding(place=in_message(exchange, place), found=found, wanted='""')
            return
        if block.get("signature") == "":
            place = f"/content/{number}/signature"
            yield Finding(place=in_message(exchange, place), found='""', wanted="the signature of what was left out")
            return


@rule(
    "stream.delta.thinking-omitted",
    SHOULD,
    families={ANTHROPIC},
    source=sources.STREAMING,
    applies=lambda exchange: streamed(exchange) and _omits(exchange),
    model_dependent=True,
    needs={"stream", "thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="A stream is asked for with thinking whose display is omitted.",
)
def streams_no_omitted_thinking(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """With display omitted a thinking block gets a signature_delta and no thinking_delta."""
    blocks = [block for block in walk_of(exchange).blocks if block.type == "thinking"]
    if not blocks:
        yield NO_THOUGHT
    for block in blocks:
        for event in block.deltas:
            delta = event.fields.get("delta")
            if isinstance(delta, dict) and delta.get("type") == "thinking_delta" and delta.get("thinking"):
                place, found = at(event, "/delta"), shown(delta["thinking"])
                yield Finding(place=place, found=found, wanted="a signature_delta alone")
                return


@rule(
    UNMODIFIED,
    SHOULD,
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/api/errors (thinking blocks cannot be modified), read 2026-11-22",
    applies=lambda exchange: answered(exchange) and UNMODIFIED in exchange.probes,
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={PROBES},
    provoked="An answer's thinking block is sent back with one letter of its signature changed.",
)
def refuses_changed_thinking(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A thinking block of the latest assistant turn that was changed is refused."""
    status = response_of(exchange).status
    if 200 <= status < 300 and not carries_error(exchange):
        found = f"{status}: a thinking block with a changed signature was accepted"
        yield Finding(place=Place(header=":status"), found=found, wanted="400")
