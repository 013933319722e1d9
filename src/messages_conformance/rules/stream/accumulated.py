"""Rules on the accumulated message: what a client has at the end of the stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from messages_conformance import contract
from messages_conformance.exchange import UNPARSED, Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import BROKEN_STREAM, at, has_misshapen_event, shape, streamed, walk_of
from messages_conformance.rules.catalogue import BREAKS, MISBILLS, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream.deltas import completes_the_json_of_tool_input
from messages_conformance.rules.stream.message_delta import ends_with_a_stop_reason, keeps_the_stop_reason
from messages_conformance.rules.stream.stream_accessors import may_be_unfinished, placed_usages
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified
from messages_conformance.stream import Block, known_event


@rule(
    "stream.final.output-tokens-positive",
    SHOULD,
    harm=MISBILLS,
    source=sources.sdk("types/message.py, usage"),
    needs={"stream"},
    applies=streamed,
)
def counts_the_streamed_text(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The last output_tokens is above 0 when text was streamed."""
    usages = placed_usages(exchange)
    if not walk_of(exchange).text or not walk_of(exchange).complete or not usages:
        yield Unverified(reason="no stream with text was complete")
        return
    event, pointer, usage = usages[-1]
    if "output_tokens" in usage and usage["output_tokens"] == 0:
        yield Finding(place=at(event, f"{pointer}/output_tokens"), found="0", wanted="the tokens of the streamed text")


@rule(
    "stream.final.equals-nonstream-shape",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING} (the final message equals that of create)",
    needs={"stream"},
    applies=streamed,
    reads={REQUEST},
)
def accumulates_to_a_valid_message(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The events accumulate to a message that would be valid without streaming."""
    walked = walk_of(exchange)
    misshapen = list(shape(exchange, "stream.final.equals-nonstream-shape"))
    if misshapen:
        yield from misshapen
        return
    if walked.deviations or not walked.complete or walked.message is None or _is_reported_already(exchange):
        yield BROKEN_STREAM
        return
    message = {**walked.message, "content": [_content(exchange, block) for block in walked.blocks]}
    if not contract.valid("response", message):
        for problem in contract.explain("response", message)[:1]:
            yield Finding(
                place=Place(pointer=f"the accumulated message, {problem.pointer}"),
                found=problem.found,
                wanted=problem.wanted,
            )


def _content(exchange: Exchange, block: Block) -> dict[str, Any]:
    """The block's content, with an empty input where an unfinished one is legal."""
    into = block.json_into
    if into is None or isinstance(block.content.get(into), dict) or not may_be_unfinished(exchange, block):
        return block.content
    return {**block.content, into: {}}


def _is_reported_already(exchange: Exchange) -> bool:
    """Whether another requirement reports a fault that makes the accumulated message invalid."""
    if has_misshapen_event(exchange):
        return True
    if any(event.data is UNPARSED for event in walk_of(exchange).events if known_event(event) and event.wire.data):
        return True
    return any(
        isinstance(finding, Finding)
        for judge in (ends_with_a_stop_reason, keeps_the_stop_reason, completes_the_json_of_tool_input)
        for finding in judge(exchange)
    )
