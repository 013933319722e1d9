"""Rules on the start of content blocks: their index, and what each type of block starts with."""

from __future__ import annotations

from collections.abc import Iterable

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import blocks_of, shape, streamed
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, rule
from messages_conformance.rules.stream.stream_accessors import grammar_findings
from messages_conformance.rules.verdict import MUST, SHOULD, Finding
from messages_conformance.stream import is_made_by_code


@rule(
    "stream.block.index-integer",
    MUST,
    harm=BREAKS,
    source=sources.measured("X69, X09"),
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
    source=f"{sources.STREAMING}; {sources.measured('X06, X07, X08')}",
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
    source=sources.measured("X23, X24"),
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
    source=sources.measured("X25 to X27"),
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
    source=sources.measured("X66"),
    applies=streamed,
)
def starts_thinking_blocks_empty(exchange: Exchange) -> Iterable[Finding]:
    """A thinking block starts with a thinking string and a signature string."""
    return shape(exchange, "stream.block.start-thinking-fields")
