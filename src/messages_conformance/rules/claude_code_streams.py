"""Rules for what Claude Code reads from a stream, beyond the rules that every client needs.

Measured with version 2.1.332 against a server with one deviation at a time, 2026-11-30.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import at, grouped, response_of, shown, streamed, walk_of
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, rule
from messages_conformance.rules.claude_code import CLAUDE_CODE, NEWER
from messages_conformance.rules.recording_parts import CHUNK_BORDERS, REQUEST, TIMES
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place

UNUSED_SHARE: Final = 2
"""An answer with stop_reason max_tokens has at least one half of them (our own: a gateway may have a lower limit)."""


@rule(
    "claude-code.stream.delta-object",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream"},
    source=NEWER,
    applies=streamed,
)
def sends_a_delta_in_message_delta(exchange: Exchange) -> Iterable[Finding]:
    """message_delta has a delta object; otherwise Claude Code reports a malformed stream."""
    yield from grouped(
        Finding(
            place=Place(event=event.number, event_type=event.type, pointer="/delta"),
            found=shown(event.fields.get("delta", "absent")),
            wanted="an object",
        )
        for event in response_of(exchange).events
        if event.type == "message_delta" and not isinstance(event.fields.get("delta"), dict)
    )


MAX_SILENCE_S: Final = 20.0
"""After this many seconds without a byte, Claude Code shows that it waits; after 300 it gives up (network-config)."""


@rule(
    "claude-code.stream.silence",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream"},
    source="code.claude.com/docs/en/llm-gateway-protocol and network-config, read 2026-08-22",
    applies=streamed,
    reads={CHUNK_BORDERS, TIMES},
    provoked="Judged on every stream.",
)
def is_never_silent_for_long(exchange: Exchange) -> Iterable[Finding]:
    """No stream is silent for 20 seconds: pings fill a pause of the model."""
    times = [chunk.at_s for chunk in response_of(exchange).chunks]
    gap = max((after - before for before, after in pairwise(times)), default=0.0)
    if gap > MAX_SILENCE_S:
        yield Finding(place=Place(), found=f"{gap:.0f} s without a byte", wanted=f"at most {MAX_SILENCE_S:.0f} s")


@rule(
    "claude-code.stream.not-cut",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream"},
    source=NEWER,
    applies=streamed,
    reads={REQUEST},
)
def is_not_cut_before_max_tokens(exchange: Exchange) -> Iterable[Finding]:
    """A short answer has no stop_reason max_tokens: Claude Code asks for the rest, again and again, and then fails."""
    limit = exchange.request.fields.get("max_tokens")
    for event in walk_of(exchange).message_deltas:
        delta, usage = event.fields.get("delta"), event.fields.get("usage")
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        used = usage.get("output_tokens") if isinstance(usage, dict) else None
        if reason == "max_tokens" and isinstance(used, int) and isinstance(limit, int) and used * UNUSED_SHARE < limit:
            found = f"max_tokens after {used} of {limit} tokens"
            yield Finding(place=at(event, "/delta/stop_reason"), found=found, wanted="end_turn or tool_use")
