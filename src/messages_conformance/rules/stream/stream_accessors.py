"""The parts of a stream that several rules read, and findings from the walk over its events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from messages_conformance.exchange import Exchange, StreamEvent
from messages_conformance.rules.accessors import at, grouped, response_of, shown, stop_reason_of, walk_of
from messages_conformance.rules.offered_tools import offered_tools
from messages_conformance.rules.verdict import Finding, Place
from messages_conformance.stream import BLOCK_DELTA, Block, Deviation

EAGER_BETA: Final = "fine-grained-tool-streaming-"
"""The beginning of the beta's name (documentation, "Fine-grained tool streaming")."""

CUT_REASONS = ("max_tokens", "model_context_window_exceeded", "refusal")
"""The stop reasons with which an answer may end in the middle of a block."""


def events_of(exchange: Exchange) -> tuple[StreamEvent, ...]:
    """The events of the response as they arrived."""
    return response_of(exchange).events


def grammar_findings(exchange: Exchange, requirement: str) -> Iterator[Finding]:
    """What the walk over the stream reports under one requirement, as one finding."""
    yield from grouped(_finding(deviation) for deviation in walk_of(exchange).of(requirement))


def _finding(deviation: Deviation) -> Finding:
    place = (
        Place(pointer="the end of the stream") if deviation.event is None else at(deviation.event, deviation.pointer)
    )
    return Finding(place=place, found=deviation.found, wanted=deviation.wanted)


def delta_text(event: StreamEvent) -> str:
    """The text or thinking that a delta adds; empty for every other event."""
    delta = event.fields.get("delta")
    if event.type != BLOCK_DELTA or not isinstance(delta, dict):
        return ""
    return "".join(value for key, value in delta.items() if key in ("text", "thinking") and isinstance(value, str))


def start_usage(exchange: Exchange) -> dict[str, Any] | None:
    """The usage object of message_start; None when there is none."""
    start = walk_of(exchange).message_start
    message = start.fields.get("message") if start is not None else None
    usage = message.get("usage") if isinstance(message, dict) else None
    return usage if isinstance(usage, dict) else None


def placed_usages(exchange: Exchange) -> list[tuple[StreamEvent, str, dict[str, Any]]]:
    """Each usage object of the stream in order, with its event and its JSON pointer there."""
    walked, found = walk_of(exchange), []
    start = start_usage(exchange)
    if walked.message_start is not None and start is not None:
        found.append((walked.message_start, "/message/usage", start))
    for event in walked.message_deltas:
        usage = event.fields.get("usage")
        if isinstance(usage, dict):
            found.append((event, "/usage", usage))
    return found


def usages_of(exchange: Exchange) -> list[dict[str, Any]]:
    """Each usage object of the stream, in order."""
    return [usage for _, _, usage in placed_usages(exchange)]


def message_delta_objects(exchange: Exchange) -> Iterator[tuple[StreamEvent, dict[str, Any]]]:
    """Each message_delta whose `delta` is an object, with that object."""
    for event in walk_of(exchange).message_deltas:
        delta = event.fields.get("delta")
        if isinstance(delta, dict):
            yield event, delta


def counts_as_floats(event: StreamEvent | None, path: tuple[str, ...], names: tuple[str, ...]) -> Iterator[Finding]:
    """Counts such as 1.0: an integer for JSON Schema, but not for a client that prints or adds token counts."""
    value: Any = event.fields if event is not None else {}
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if event is None or not isinstance(value, dict):
        return
    for name in names:
        if isinstance(value.get(name), float) and value[name].is_integer():
            pointer = "/" + "/".join((*path, name))
            yield Finding(place=at(event, pointer), found=shown(value[name]), wanted="an integer")


def is_cut(exchange: Exchange, block: Block) -> bool:
    """Whether a limit or a refusal ended the answer in this block, so that the end of the block may be missing."""
    return stop_reason_of(exchange) in CUT_REASONS and block is walk_of(exchange).blocks[-1]


def streams_eagerly(exchange: Exchange, block: Block) -> bool:
    """Whether the block's tool has eager_input_streaming: its input may be invalid JSON (fine-grained streaming).

    A beta of 2025 has the same effect for all tools.
    """
    if any(name.lower() == "anthropic-beta" and EAGER_BETA in value for name, value in exchange.request.headers):
        return True
    return any(
        tool.get("name") == block.content.get("name") and tool.get("eager_input_streaming")
        for tool in offered_tools(exchange)
    )


def may_be_unfinished(exchange: Exchange, block: Block) -> bool:
    """Whether the input of this block may be invalid JSON: a limit cut it, or its tool streams eagerly."""
    return is_cut(exchange, block) or streams_eagerly(exchange, block)
