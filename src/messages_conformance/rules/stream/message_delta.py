"""Rules on message_delta: the stop reason, and the usage, which is cumulative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import INPUT_COUNTS, at, count, grouped, shape, shown, streamed, walk_of
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, LOSES, MISBILLS, rule
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream.stream_accessors import counts_as_floats, message_delta_objects, placed_usages
from messages_conformance.rules.verdict import MUST, SHOULD, Finding

PLACEHOLDER_SHARE: Final = 0.5
"""A count below this share of the earlier one is a placeholder, not a better count (our own; the usual one is 0)."""


@rule(
    "stream.msgdelta.delta-object",
    MUST,
    harm=LOSES,
    source=f"{sources.sdk('types/raw_message_delta_event.py')}; {sources.SEED}",
    needs={"stream"},
    applies=streamed,
)
def ends_with_a_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """message_delta has a delta object, and the last one holds a stop_reason string."""
    yield from shape(exchange, "stream.msgdelta.delta-object")
    reasons = [delta.get("stop_reason") for _, delta in message_delta_objects(exchange)]
    if reasons and not any(isinstance(reason, str) for reason in reasons) and reasons[-1] is None:
        last = walk_of(exchange).message_deltas[-1]
        yield Finding(place=at(last, "/delta/stop_reason"), found="null", wanted="a stop reason")


@rule(
    "stream.msgdelta.no-null-overwrite",
    MUST,
    harm=LOSES,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def keeps_the_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """No later message_delta sets stop_reason back to null: clients keep the last value."""
    held: str | None = None
    for event, delta in message_delta_objects(exchange):
        reason = delta.get("stop_reason")
        if held is not None and reason is None and "stop_reason" in delta:
            yield Finding(place=at(event, "/delta/stop_reason"), found=f"null after {shown(held)}", wanted=shown(held))
            return
        held = reason if isinstance(reason, str) else held


@rule(
    "stream.msgdelta.stop_sequence-key",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    needs={"stop-sequence-field", "stream"},
    source="OpenAPI description of 2024-11, schema MessageDelta (required, nullable)",
    applies=streamed,
)
def has_a_stop_sequence_key(exchange: Exchange) -> Iterable[Finding]:
    """The message_delta that carries the stop_reason has a stop_sequence key, null or a string."""
    yield from shape(exchange, "stream.msgdelta.stop_sequence-key")
    yield from grouped(
        Finding(place=at(event, "/delta/stop_sequence"), found="absent", wanted="null or the sequence that matched")
        for event, delta in message_delta_objects(exchange)
        if delta.get("stop_reason") is not None and "stop_sequence" not in delta
    )


@rule(
    "stream.msgdelta.usage-required",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def ends_with_usage(exchange: Exchange) -> Iterable[Finding]:
    """message_delta has a usage object with an integer output_tokens."""
    yield from shape(exchange, "stream.msgdelta.usage-required")
    for event in walk_of(exchange).message_deltas:
        yield from counts_as_floats(event, ("usage",), ("output_tokens", "input_tokens"))


@rule(
    "stream.msgdelta.usage-cumulative",
    MUST,
    harm=MISBILLS,
    source=f"{sources.STREAMING} (usage of message_delta is cumulative); {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
)
def counts_upwards(exchange: Exchange) -> Iterable[Finding]:
    """output_tokens never decreases from one usage object to the next: the counts are cumulative."""
    highest = 0
    for event, pointer, usage in placed_usages(exchange):
        tokens = count(usage, "output_tokens")
        if "output_tokens" in usage and isinstance(usage["output_tokens"], int) and 0 <= tokens < highest:
            place = at(event, f"{pointer}/output_tokens")
            yield Finding(place=place, found=f"{tokens} after {highest}", wanted=f"{highest} or more")
            return
        highest = max(highest, tokens)


@rule(
    "stream.msgdelta.no-zero-overwrite",
    MUST,
    harm=MISBILLS,
    source=f"{sources.MEASURED}; {sources.sdk('lib/streaming/_messages.py')}",
    needs={"stream"},
    reads={REQUEST},
    applies=streamed,
)
def keeps_the_input_counts(exchange: Exchange) -> Iterable[Finding]:
    """Input and cache counts in message_delta are totals or absent, never a placeholder such as 0."""
    if may_take_several_passes(exchange):
        return  # the counts at the end may be those of another pass than the counts at the start
    highest: dict[str, int] = {}
    for event, pointer, usage in placed_usages(exchange):
        for name in INPUT_COUNTS:
            if _is_placeholder(usage, name, highest):
                yield Finding(
                    place=at(event, f"{pointer}/{name}"),
                    found=f"{usage[name]} after {highest[name]}",
                    wanted=f"{highest[name]}, or absent",
                )
                return
            highest[name] = max(highest.get(name, 0), count(usage, name))


def _is_placeholder(usage: Mapping[str, Any], name: str, highest: Mapping[str, int]) -> bool:
    """Whether a count is far below an earlier one, and the difference is in none of the other input counts."""
    value = usage.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return 0 <= value < highest.get(name, 0) * PLACEHOLDER_SHARE and not _moved(usage, name, highest)


def _moved(usage: Mapping[str, Any], name: str, highest: Mapping[str, int]) -> bool:
    """Whether the other input counts grew by what this one lost: only the end shows how much was cached."""
    lost = highest[name] - count(usage, name)
    gained = sum(max(0, count(usage, other) - highest.get(other, 0)) for other in INPUT_COUNTS if other != name)
    return gained >= lost * PLACEHOLDER_SHARE
