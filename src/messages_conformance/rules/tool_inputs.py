"""The rule that the inputs of tool calls arrive at all, over all calls of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    response_of,
    stop_reason_of,
    streamed,
    thinking_type,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, RUN, rule
from messages_conformance.rules.offered_tools import offered_tools
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified
from messages_conformance.stream import is_made_by_code

MIN_CALLS: Final = 2
"""A model may forget the fields of one call; all calls of this many answers are empty only if the server loses them
(our own)."""

CUT: Final = ("max_tokens", "refusal", "model_context_window_exceeded")

Call = tuple[int, Mapping[str, Any]]


@rule(
    "response.content.tool_use-input-arrives",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"tools"},
    source="measured on ten clients, impact.json partial_json_empty, 2026-11-22",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Tools with required fields are called, with and without streaming.",
)
def sends_the_inputs_of_calls(exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
    """The calls of tools with required fields do not all have an empty input: whole, streamed, or with thinking."""
    seen = False
    for words, belongs in GROUPS:
        answers = [
            (exchange, calls)
            for exchange in exchanges
            if has_message(exchange) and belongs(exchange) and (calls := _calls(exchange))
        ]
        seen = seen or len(answers) >= MIN_CALLS
        if len(answers) >= MIN_CALLS and all(not call["input"] for _, calls in answers for _, call in calls):
            exchange, calls = answers[0]
            yield Finding(
                place=in_message(exchange, f"/content/{calls[0][0]}/input"),
                found=f"{{}}, as in all {len(answers)} {words}",
                wanted="the input, with the required fields of the tool",
                exchange=exchange.number,
            )
    if not seen:
        yield Unverified(reason="the model called no tools with required fields")


def _thinks(exchange: Exchange) -> bool:
    return thinking_type(exchange) not in (None, "disabled")


GROUPS: Final[tuple[tuple[str, Callable[[Exchange], bool]], ...]] = (
    ("answers with calls", lambda exchange: not streamed(exchange)),
    ("streamed answers with calls", streamed),
    ("answers with calls to requests with thinking", _thinks),
)
"""Groups of answers of which all calls may lose their input, each in words."""


def _calls(exchange: Exchange) -> list[Call]:
    """The complete calls of tools with required fields; none in an answer that was cut or is broken."""
    if stop_reason_of(exchange) in CUT or (streamed(exchange) and _is_broken(exchange)):
        return []
    return [
        (number, block)
        for number, block in enumerate(blocks_of(exchange))
        if block.get("type") == "tool_use"
        and isinstance(block.get("input"), dict)
        and not is_made_by_code(block)
        and _has_required_fields(exchange, block.get("name"))
    ]


def _is_broken(exchange: Exchange) -> bool:
    """Whether a stream has a deviation, a delta without its type or partial_json, or an input that is no JSON object.

    Other requirements judge each of these.
    """
    events = [event for event in response_of(exchange).events if event.type == "content_block_delta"]
    deltas = [event.fields.get("delta") for event in events]
    inputs = [delta for delta in deltas if isinstance(delta, dict) and delta.get("type") == "input_json_delta"]
    calls = [block for block in blocks_of(exchange) if block.get("type") == "tool_use"]
    return (
        bool(walk_of(exchange).deviations)
        or any(not isinstance(delta, dict) or not isinstance(delta.get("type"), str) for delta in deltas)
        or any(not isinstance(delta.get("partial_json"), str) for delta in inputs)
        or any(not isinstance(call.get("input"), dict) for call in calls)
    )


def _has_required_fields(exchange: Exchange, name: object) -> bool:
    schemas = [tool.get("input_schema") for tool in offered_tools(exchange) if tool.get("name") == name]
    return any(isinstance(schema, dict) and bool(schema.get("required")) for schema in schemas)
