"""Streams with several content blocks mix up their indexes, starts, stops or deltas."""

from __future__ import annotations

import itertools

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.edits import Events, inserted
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.stream_edits import consecutive_blocks, delta, deltas_of, left_out, reindexed, spans

THOUGHT = {"type": "thinking_delta", "thinking": "One more thing has to be looked at."}


# -- indexes


@fault(
    "stream-order",
    trips={"stream.block.index-sequential"},
    at=Stage.EVENTS,
    seen="defects.json noncontiguous-block-indices",
)
def skip_index_after_thinking(events: Events) -> Events:
    """The index of each block after a thinking block is one too high."""
    thoughts = [span.index for span in spans(events, "thinking")]
    return reindexed(events, {span.index: span.index + 1 for span in spans(events) if thoughts and span.index > 0})


@fault("stream-order", trips={"stream.block.index-sequential"}, at=Stage.EVENTS, seen="impact.json index_dup")
def count_blocks_by_kind(events: Events) -> Events:
    """The first block of each kind has the index 0."""
    counts: dict[str, int] = {}
    indexes = {}
    for span in spans(events):
        indexes[span.index] = counts.setdefault(span.kind, 0)
        counts[span.kind] += 1
    return reindexed(events, indexes)


@fault(
    "stream-order",
    trips={"stream.block.index-sequential"},
    at=Stage.EVENTS,
    seen="defects.json parallel-tools-same-index",
)
def share_index_between_calls(events: Events) -> Events:
    """All tool calls of an answer have the index of the first one."""
    calls = spans(events, "tool_use")
    return reindexed(events, {span.index: calls[0].index for span in calls})


@fault(
    "stream-order",
    trips={"stream.block.index-sequential"},
    at=Stage.EVENTS,
    seen="defects.json text-then-thinking-same-index",
)
def open_two_blocks_under_one_index(events: Events) -> Events:
    """The second block starts with the index of the first, which has not stopped."""
    first = next(consecutive_blocks(events), None)
    if first is None:
        return events
    open_block, following = first
    return reindexed(left_out(events, open_block.stop), {following.index: open_block.index})


@fault("stream-order", trips={"stream.block.index-sequential"}, at=Stage.EVENTS)
def exchange_calls(events: Events) -> Events:
    """The last two tool calls are sent in the wrong order, each with its own index."""
    calls = spans(events, "tool_use")
    if len(calls) < 2:
        return events
    one, other = calls[-2:]
    return [
        *events[: one.start],
        *events[other.start : other.stop + 1],
        *events[one.stop + 1 : other.start],
        *events[one.start : one.stop + 1],
        *events[other.stop + 1 :],
    ]


# -- starts and stops


@fault(
    "stream-order",
    trips={"stream.order.block-closed-once"},
    at=Stage.EVENTS,
    seen="defects.json tool-use-block-never-stopped; impact.json no_content_block_stop",
)
def lose_stop_between_calls(events: Events) -> Events:
    """A tool call before another one has no stop."""
    calls = spans(events, "tool_use")
    return left_out(events, *(span.stop for span in calls[:-1]))


@fault("stream-order", trips={"stream.order.block-closed-once"}, at=Stage.EVENTS)
def lose_stop_of_thought(events: Events) -> Events:
    """A thinking block has no stop."""
    return left_out(events, *(span.stop for span in spans(events, "thinking")))


@fault(
    "stream-order",
    trips={"stream.order.block-start-before-delta"},
    at=Stage.EVENTS,
    seen="defects.json tool-use-start-missing-when-name-late",
)
def lose_start_of_calls(events: Events) -> Events:
    """A tool call has no start."""
    return left_out(events, *(span.start for span in spans(events, "tool_use")))


@fault(
    "stream-order",
    trips={"stream.order.block-start-before-delta"},
    at=Stage.EVENTS,
    seen="defects.json second-thinking-segment-no-start",
)
def think_again_without_start(events: Events) -> Events:
    """A thinking delta between two tool calls belongs to a block without start and stop."""
    calls = spans(events, "tool_use")
    if len(calls) < 2:
        return events
    shifted = reindexed(events, {span.index: span.index + 1 for span in calls[1:]})
    return inserted(shifted, calls[1].start, delta(calls[1].index, THOUGHT))


@fault(
    "stream-order",
    trips={"stream.block.index-sequential", "request.tool_choice.disable-parallel-any"},
    at=Stage.EVENTS,
    seen="defects.json content-block-start-per-delta",
)
def start_call_with_each_delta(events: Events) -> Events:
    """A tool call starts again before each further delta."""
    again: Events = []
    calls = {span.index: events[span.start] for span in spans(events, "tool_use")}
    fresh = False
    for name, data in events:
        if name == "content_block_start":
            fresh = True
        elif name == "content_block_delta" and data["index"] in calls:
            again += [] if fresh else [calls[data["index"]]]
            fresh = False
        again.append((name, data))
    return again


@fault(
    "stream-order",
    trips={"stream.order.blocks-sequential"},
    at=Stage.EVENTS,
    seen="deviations: LiteLLM openai, parallel calls",
)
def stop_calls_at_the_end(events: Events) -> Events:
    """Each tool call starts before the previous one stops, and all stop at the end."""
    calls = spans(events, "tool_use")
    if len(calls) < 2:
        return events
    last = calls[-1].stop
    kept = [event for at, event in enumerate(events[:last]) if at not in {span.stop for span in calls}]
    return [*kept, *(events[span.stop] for span in calls), *events[last + 1 :]]


@fault("stream-order", trips={"stream.order.blocks-sequential"}, at=Stage.EVENTS, seen="sdk_streams X10")
def interleave_calls(events: Events) -> Events:
    """The deltas of two tool calls are interleaved."""
    calls = spans(events, "tool_use")
    if len(calls) < 2:
        return events
    one, other = calls[-2:]
    pairs = itertools.zip_longest(deltas_of(events, one), deltas_of(events, other))
    mixed = [events[at] for pair in pairs for at in pair if at is not None]
    return [
        *events[: one.start],
        events[one.start],
        events[other.start],
        *mixed,
        events[one.stop],
        events[other.stop],
        *events[other.stop + 1 :],
    ]


# -- deltas in the wrong block


@fault(
    "stream-order",
    trips={"stream.order.no-delta-after-stop"},
    at=Stage.EVENTS,
    seen="defects.json text-delta-index-of-thinking-block; impact.json delta_after_stop",
)
def answer_into_stopped_thought(events: Events) -> Events:
    """The text after a thinking block has the index of the thinking block, which has stopped."""
    moved = list(events)
    for before, span in consecutive_blocks(events):
        if (before.kind, span.kind) == ("thinking", "text"):
            for at in deltas_of(events, span):
                moved[at] = delta(before.index, events[at][1]["delta"])
    return moved


@fault("stream-order", trips={"stream.order.no-delta-after-stop"}, at=Stage.EVENTS)
def send_input_of_second_call_to_first(events: Events) -> Events:
    """The input of every later tool call has the index of the first one, which has stopped."""
    moved, calls = list(events), spans(events, "tool_use")
    for span in calls[1:]:
        for at in deltas_of(events, span):
            moved[at] = delta(calls[0].index, events[at][1]["delta"])
    return moved


@fault(
    "stream-content",
    trips={"stream.delta.partial-json-concat", "stream.delta.partial-json-prefix-valid"},
    at=Stage.EVENTS,
    seen="defects.json concurrent-tool-call-contamination",
)
def join_inputs_of_calls(events: Events) -> Events:
    """The inputs of all tool calls of an answer arrive in the first one."""
    calls = spans(events, "tool_use")
    if len(calls) < 2:
        return events
    late = [at for span in calls[1:] for at in deltas_of(events, span)]
    moved = [delta(calls[0].index, events[at][1]["delta"]) for at in late]
    return inserted(left_out(events, *late), calls[0].stop, *moved)


@fault(
    "stream-content",
    trips={"response.content.echoable", "stream.delta.type-matches-block"},
    trips_tokmodel={"stream.delta.type-matches-block"},
    at=Stage.EVENTS,
    seen="defects.json thinking-delta-in-text-block",
)
def finish_thinking_in_next_block(events: Events) -> Events:
    """The last delta of a thinking block arrives in the next block."""
    pair = next(((one, other) for one, other in consecutive_blocks(events) if one.kind == "thinking"), None)
    if pair is None:
        return events
    thought, following = pair
    first = deltas_of(events, following)[:1] or [following.start]
    late = deltas_of(events, thought, "thinking_delta")[-1:]
    moved = [delta(following.index, events[at][1]["delta"]) for at in late]
    return left_out(inserted(events, first[0] + 1, *moved), *late)


@fault(
    "stream-content",
    trips={"stream.delta.type-matches-block"},
    at=Stage.EVENTS,
    seen="defects.json all-in-one-text-block",
)
def think_and_answer_in_one_block(events: Events) -> Events:
    """A thinking block and the text after it share one text block."""
    joined, merged = list(events), set()
    for before, span in consecutive_blocks(events):
        if (before.kind, span.kind) != ("thinking", "text"):
            continue
        joined[before.start] = (events[before.start][0], {**events[span.start][1], "index": before.index})
        signed = deltas_of(events, before, "signature_delta")
        merged |= {before.stop, span.start, *signed}
        joined = reindexed(joined, {later.index: later.index - 1 for later in spans(events) if later.index > 0})
    return left_out(joined, *merged)


@fault(
    "stream-content",
    trips={"stream.delta.type-matches-block"},
    at=Stage.EVENTS,
    seen="defects.json empty-deltas-emitted",
)
def begin_thought_with_empty_text(events: Events) -> Events:
    """A thinking block begins with an empty text delta."""
    thoughts = spans(events, "thinking")
    changed = events
    for span in reversed(thoughts):
        changed = inserted(changed, span.start + 1, delta(span.index, {"type": "text_delta", "text": ""}))
    return changed


@fault("stream-content", trips={"stream.delta.signature-single", "stream.delta.type-matches-block"}, at=Stage.EVENTS)
def sign_block_after_thought(events: Events) -> Events:
    """The signature of a thinking block arrives in the next block."""
    pair = next(((one, other) for one, other in consecutive_blocks(events) if one.kind == "thinking"), None)
    if pair is None:
        return events
    thought, following = pair
    late = deltas_of(events, thought, "signature_delta")
    moved = [delta(following.index, events[at][1]["delta"]) for at in late]
    return left_out(inserted(events, following.start + 1, *moved), *late)


@fault(
    "stream-content",
    trips={"stream.delta.signature-single"},
    at=Stage.EVENTS,
    seen="defects.json signature-split-from-thinking",
)
def sign_in_block_of_its_own(events: Events) -> Events:
    """The signature of a thinking block arrives in a second, empty thinking block."""
    thoughts = spans(events, "thinking")
    if not thoughts:
        return events
    thought = thoughts[0]
    signed = deltas_of(events, thought, "signature_delta")
    later = reindexed(events, {span.index: span.index + 1 for span in spans(events) if span.index > thought.index})
    own = thought.index + 1
    start = (events[thought.start][0], {**events[thought.start][1], "index": own})
    moved = [delta(own, events[at][1]["delta"]) for at in signed]
    stop = (events[thought.stop][0], {**events[thought.stop][1], "index": own})
    return left_out(inserted(later, thought.stop + 1, start, *moved, stop), *signed)


@fault(
    "stream-content",
    trips={"response.content.tool_use-ids-unique", "request.tool_choice.disable-parallel-any"},
    at=Stage.EVENTS,
    seen="defects.json tool-use-block-emitted-twice",
)
def send_call_twice(events: Events) -> Events:
    """The last tool call of a stream is sent again as another block with the same id."""
    calls = spans(events, "tool_use")
    if not calls:
        return events
    last = calls[-1]
    again = reindexed(events[last.start : last.stop + 1], {last.index: last.index + 1})
    return inserted(events, last.stop + 1, *again)
