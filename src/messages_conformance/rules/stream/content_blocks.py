"""Rules on the start of content blocks: their index, and what each type of block starts with."""

from __future__ import annotations

from collections.abc import Iterable

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import at, blocks_of, shape, shown, streamed, walk_of
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, rule
from messages_conformance.rules.stream.stream_accessors import grammar_findings
from messages_conformance.rules.verdict import MUST, SHOULD, Finding
from messages_conformance.stream import is_made_by_code


@rule(
    "stream.block.index-integer",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def numbers_blocks_with_integers(exchange: Exchange) -> Iterable[Finding]:
    """Every block event has an index that is an integer of 0 or more."""
    return shape(exchange, "stream.block.index-integer")


@rule(
    "stream.block.index-sequential",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def numbers_blocks_in_order(exchange: Exchange) -> Iterable[Finding]:
    """Blocks have the indexes 0, 1, 2, ... in the order in which they start, without gap or reuse."""
    return grammar_findings(exchange, "stream.block.index-sequential")


@rule(
    "stream.block.start-text-empty",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def starts_text_blocks_empty(exchange: Exchange) -> Iterable[Finding]:
    """A text block starts with the text \"\"; its deltas carry all of the text."""
    return shape(exchange, "stream.block.start-text-empty")


@rule(
    "stream.block.start-tool-input-empty",
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"stream"},
    source=sources.MEASURED,
    applies=streamed,
)
def starts_tool_blocks_empty(exchange: Exchange) -> Iterable[Finding]:
    """A tool_use block starts with the input {}; its deltas carry the input.

    A call that code made comes whole in content_block_start.
    """
    if any(is_made_by_code(block) for block in blocks_of(exchange)):
        return ()
    return shape(exchange, "stream.block.start-tool-input-empty")


@rule(
    "stream.block.tool-input-in-deltas",
    MUST,
    harm=LOSES,  # Claude Code and LiteLLM call the tool with no arguments
    families={ANTHROPIC},
    needs={"stream"},
    source=f"{sources.STREAMING}; measured on ten clients, impact.json tool_input_in_start, 2026-11-22; "
    "inflaborg/ccrelay#119, earendil-works/pi#2593 (GitHub), read 2026-11-30",
    applies=streamed,
)
def sends_the_input_of_calls_in_deltas(exchange: Exchange) -> Iterable[Finding]:
    """The input of a tool call comes in deltas, not in content_block_start alone: some clients read only deltas."""
    for block in walk_of(exchange).blocks:
        if block.type != "tool_use" or block.start is None or not block.closed or block.deltas:
            continue
        given = block.content.get("input")
        if isinstance(given, dict) and given and not is_made_by_code(block.content):
            place = at(block.start, "/content_block/input")
            yield Finding(place=place, found=f"{shown(given)}, and no delta", wanted="{}, and the input in deltas")


@rule(
    "stream.block.start-call-named",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"stream"},
    source=f"{sources.STREAMING} (examples); measured on ten clients, impact.json tool_id_missing, 2026-11-22",
    applies=streamed,
)
def starts_calls_with_id_and_name(exchange: Exchange) -> Iterable[Finding]:
    """A tool_use block starts with its id and its name: no delta carries them."""
    return shape(exchange, "stream.block.start-call-named")


@rule(
    "stream.block.start-thinking-fields",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"stream"},
    source=sources.MEASURED,
    applies=streamed,
)
def starts_thinking_blocks_empty(exchange: Exchange) -> Iterable[Finding]:
    """A thinking block starts with a thinking string and a signature string."""
    return shape(exchange, "stream.block.start-thinking-fields")
