"""Rules on the order of events: each reports what the walk over the stream finds (`messages_conformance.stream`)."""

from __future__ import annotations

from collections.abc import Iterable

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import streamed
from messages_conformance.rules.catalogue import BREAKS, LOSES, rule
from messages_conformance.rules.stream.stream_accessors import grammar_findings
from messages_conformance.rules.verdict import MUST, Finding


@rule(
    "stream.order.message-start-first",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def starts_with_message_start(exchange: Exchange) -> Iterable[Finding]:
    """message_start is the first event; only pings may come before it."""
    return grammar_findings(exchange, "stream.order.message-start-first")


@rule(
    "stream.order.message-start-once",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def starts_once(exchange: Exchange) -> Iterable[Finding]:
    """message_start occurs exactly once."""
    return grammar_findings(exchange, "stream.order.message-start-once")


@rule(
    "stream.order.block-start-before-delta",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def starts_a_block_before_its_deltas(exchange: Exchange) -> Iterable[Finding]:
    """A content_block_delta refers to a block that was started."""
    return grammar_findings(exchange, "stream.order.block-start-before-delta")


@rule(
    "stream.order.block-start-before-stop",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def starts_a_block_before_its_stop(exchange: Exchange) -> Iterable[Finding]:
    """content_block_stop refers to a block that was started."""
    return grammar_findings(exchange, "stream.order.block-start-before-stop")


@rule(
    "stream.order.block-closed-once",
    MUST,
    harm=BREAKS,  # Claude Code raises an error; others lose the block
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def closes_each_block_once(exchange: Exchange) -> Iterable[Finding]:
    """Each started block is stopped exactly once before message_delta carries the stop_reason."""
    return grammar_findings(exchange, "stream.order.block-closed-once")


@rule(
    "stream.order.no-delta-after-stop",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def sends_no_delta_to_a_stopped_block(exchange: Exchange) -> Iterable[Finding]:
    """No delta for a block comes after its stop."""
    return grammar_findings(exchange, "stream.order.no-delta-after-stop")


@rule(
    "stream.order.blocks-sequential",
    MUST,
    harm=LOSES,  # Claude Code loses text; the SDKs, which read by index, do not
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def sends_blocks_one_after_another(exchange: Exchange) -> Iterable[Finding]:
    """Blocks do not overlap: each one starts after the stop of the block before it."""
    return grammar_findings(exchange, "stream.order.blocks-sequential")


@rule(
    "stream.order.message-delta-present",
    MUST,
    harm=LOSES,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def sends_message_delta_before_the_end(exchange: Exchange) -> Iterable[Finding]:
    """At least one message_delta comes before message_stop."""
    return grammar_findings(exchange, "stream.order.message-delta-present")


@rule(
    "stream.order.message-stop-last",
    MUST,
    harm=LOSES,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def ends_with_message_stop(exchange: Exchange) -> Iterable[Finding]:
    """message_stop is the last event; only pings may come after it."""
    return grammar_findings(exchange, "stream.order.message-stop-last")


@rule(
    "stream.order.message-stop-once",
    MUST,
    harm=LOSES,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def stops_once(exchange: Exchange) -> Iterable[Finding]:
    """message_stop occurs exactly once in a stream that has a stop_reason."""
    return grammar_findings(exchange, "stream.order.message-stop-once")
