"""Rules for thinking: the position and the content of thinking blocks, and that they are sent back unchanged."""

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
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, HIDES, rule
from messages_conformance.rules.offered_tools import may_offer_tools
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

KINDS: Final = ("thinking", "redacted_thinking")
ENDED: Final = ("end_turn", "stop_sequence", "tool_use")
"""Stop reasons after which the answer is complete."""

NO_THINKING: Final = Unverified(reason="the answer has no thinking block")
UNMODIFIED: Final = "request.thinking.unmodified-blocks"


def _thinking_blocks(exchange: Exchange) -> list[tuple[int, Mapping[str, Any]]]:
    return [(number, block) for number, block in enumerate(blocks_of(exchange)) if block.get("type") in KINDS]


def _requests_thinking(exchange: Exchange) -> bool:
    return has_message(exchange) and isinstance(exchange.request.fields.get("thinking"), dict)


def _omits_thinking(exchange: Exchange) -> bool:
    thinking = exchange.request.fields.get("thinking")
    return isinstance(thinking, dict) and thinking.get("display") == "omitted"


@rule(
    "response.content.thinking-order",
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; {sources.sdk('types/thinking_block.py')}",
    applies=lambda exchange: (
        has_message(exchange) and (_requests_thinking(exchange) or bool(_thinking_blocks(exchange)))
    ),
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="Requests with thinking are sent, with and without streaming.",
)
def thinks_before_it_answers(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """Thinking blocks have a text, and come before the blocks that they lead to."""
    thinking, blocks = _thinking_blocks(exchange), blocks_of(exchange)
    if not thinking:
        yield NO_THINKING
        return
    unshaped = list(shape(exchange, "response.content.thinking-order"))
    yield from unshaped
    number, last = len(blocks) - 1, blocks[-1]
    has_others = any(block.get("type") not in KINDS for block in blocks)
    # With tools, some models return the text between two calls as thinking; but a turn of calls begins with a thought.
    if may_offer_tools(exchange) and not _thinks_only_after_its_calls(exchange):
        return
    if not unshaped and last.get("type") in KINDS and has_others and stop_reason_of(exchange) in ENDED:
        found = f"a {last['type']} block after all other blocks"
        yield Finding(
            place=in_message(exchange, f"/content/{number}"), found=found, wanted="a later block that it leads to"
        )


def _thinks_only_after_its_calls(exchange: Exchange) -> bool:
    """Whether an answer that waits for results thinks behind its calls only, so that it cannot be sent back."""
    kinds = [block.get("type") for block in blocks_of(exchange)]
    calls = [number for number, kind in enumerate(kinds) if kind == "tool_use"]
    thoughts = [number for number, kind in enumerate(kinds) if kind in KINDS]
    return stop_reason_of(exchange) == "tool_use" and bool(calls) and min(thoughts) > max(calls)


@rule(
    "response.content.thinking-signature",
    MUST,
    harm=BREAKS,  # the Vercel AI SDK raises an error; others send the block back, and the API refuses it
    families={ANTHROPIC},
    source=f"{sources.THINKING}; {sources.sdk('types/thinking_block.py')}",
    applies=lambda exchange: has_message(exchange) and bool(_thinking_blocks(exchange)),
    needs={"thinking"},
    capability="thinking",
    provoked="Requests with thinking are sent, with and without streaming.",
)
def signs_its_thinking(exchange: Exchange) -> Iterable[Finding]:
    """The signature of a thinking block is a string."""
    return shape(exchange, "response.content.thinking-signature")


@rule(
    "response.content.thinking-omitted",
    SHOULD,
    harm=BREAKS,  # without its signature the block is refused in the next request
    families={ANTHROPIC},
    source=sources.THINKING,
    applies=lambda exchange: json_message(exchange) and _omits_thinking(exchange),
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="A request has thinking with display omitted.",
)
def omits_thinking_on_request(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """With display omitted, a thinking block has an empty thinking and a signature."""
    thinking = [(number, block) for number, block in _thinking_blocks(exchange) if block["type"] == "thinking"]
    if not thinking:
        yield NO_THINKING
    for number, block in thinking:
        if isinstance(block.get("thinking"), str) and block["thinking"]:
            place, found = f"/content/{number}/thinking", shown(block.get("thinking"))
            yield Finding(place=in_message(exchange, place), found=found, wanted='""')
            return
        if block.get("signature") == "":
            place = f"/content/{number}/signature"
            yield Finding(place=in_message(exchange, place), found='""', wanted="the signature of the omitted thinking")
            return


@rule(
    "stream.delta.thinking-omitted",
    SHOULD,
    harm=BREAKS,  # without its signature the block is refused in the next request
    families={ANTHROPIC},
    source=sources.STREAMING,
    applies=lambda exchange: streamed(exchange) and _omits_thinking(exchange),
    model_dependent=True,
    needs={"stream", "thinking"},
    capability="thinking",
    reads={REQUEST},
    provoked="A streamed request has thinking with display omitted.",
)
def streams_no_omitted_thinking(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """With display omitted, a thinking block has a signature_delta and no thinking_delta."""
    blocks = [block for block in walk_of(exchange).blocks if block.type == "thinking"]
    if not blocks:
        yield NO_THINKING
    for block in blocks:
        for event in block.deltas:
            delta = event.fields.get("delta")
            if isinstance(delta, dict) and delta.get("type") == "thinking_delta" and delta.get("thinking"):
                place, found = at(event, "/delta"), shown(delta["thinking"])
                yield Finding(place=place, found=found, wanted="only a signature_delta")
                return


@rule(
    UNMODIFIED,
    SHOULD,
    harm=HIDES,
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/api/errors (thinking blocks cannot be modified), read 2026-11-22",
    applies=lambda exchange: answered(exchange) and UNMODIFIED in exchange.probes,
    model_dependent=True,
    needs={"thinking"},
    capability="thinking",
    reads={PROBES},
    provoked="A thinking block of an answer is sent back with one letter of its signature changed.",
)
def refuses_changed_thinking(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A changed thinking block in the latest assistant turn is refused."""
    status = response_of(exchange).status
    if 200 <= status < 300 and not carries_error(exchange):
        found = f"{status}: a thinking block with a changed signature was accepted"
        yield Finding(place=Place(header=":status"), found=found, wanted="400")
