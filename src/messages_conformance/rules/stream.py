"""Verdicts on streams: the frame, the order of events, their fields, and what they add up to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.exchange import (
    COMPLETE,
    STALLED,
    TIMEOUT,
    TOO_LARGE,
    UNPARSED,
    Exchange,
    StreamEvent,
    parse_json,
)
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    BROKEN_STREAM,
    INPUT_COUNTS,
    NO_MESSAGE,
    at,
    count,
    grouped,
    has_misshapen_event,
    json_message,
    response_of,
    shape,
    shown,
    stop_reason_of,
    streamed,
    total_input,
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, RUN, rule
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified
from messages_conformance.stream import (
    BLOCK_DELTA,
    ERROR,
    PING,
    Block,
    Deviation,
    State,
    is_sentinel,
    known_event,
    logical_events,
)

_SURROGATE: Final = re.compile("[\\ud800-\\udfff]")

MIN_SNAPSHOT_CHARS: Final = 3
"""Two deltas of which the second repeats the first are a snapshot only from this length on: "1" then "12" is counting,
"Hel" then "Hello" is not (origin: our own; shorter repetitions occur in honest text)."""

MIN_REPEATED_DELTAS: Final = 3
MIN_REPEATED_CHARS: Final = 20
"""One delta that is word for word all deltas before it, from this many on, is no honest text (our own): it is the
whole text that other APIs send at the end."""

SMALL_START_OUTPUT: Final = 20
"""Output tokens in message_start above which the count is no partial one (examples in the documentation: 1 to 3)."""

BUFFERED_SHARE: Final = 0.8
"""A first delta later than this share of the whole answer's time was held back (origin: requirement's own figure)."""

MIN_TIMED_S: Final = 1.0
"""Answers faster than this say nothing about buffering: the network's own grain is of that order."""

PLACEHOLDER_SHARE: Final = 0.5
"""A count below this share of the one before is no better count of the same prompt, but none (our own; 0 is usual)."""

BRIEF_TOKENS: Final = 8
"""Answers of no more tokens than this are all waiting, and no writing (our own)."""

USUAL_QUANTILE: Final = 0.9
"""The wait that all but one in ten brief answers keep to: queues vary (our own)."""

EXPLAINED_SHARE: Final = 0.5
"""A stream's wait of which brief answers have this share, too, was no holding back (our own)."""

MIN_TIMED_STREAMS: Final = 2
"""One stream alone may have been held up by chance."""

MAX_OBSERVER_LAG_S: Final = 0.1
"""When our own clock stood still for longer than this, the burst may have been made here."""

BURST_S: Final = 0.05
"""Deltas within this time of each other came in one write, as far as can be seen from here."""

MIN_TIMED_DELTAS: Final = 8
"""Fewer deltas than this may honestly fit into one write."""

ENDLESS_FACTOR: Final = 4
ENDLESS_SLACK: Final = 64
"""More deltas than max_tokens times the factor plus the slack are no answer that is merely slow."""


def _events(exchange: Exchange) -> tuple[StreamEvent, ...]:
    return response_of(exchange).events


def _grammar(exchange: Exchange, requirement: str) -> Iterator[Finding]:
    yield from grouped(_finding(deviation) for deviation in walk_of(exchange).of(requirement))


def _finding(deviation: Deviation) -> Finding:
    place = (
        Place(pointer="the end of the stream") if deviation.event is None else at(deviation.event, deviation.pointer)
    )
    return Finding(place=place, found=deviation.found, wanted=deviation.wanted)


# -- the frame ------------------------------------------------------------------------------------------------------


@rule("stream.frame.event-line", MUST, source=f"{sources.VERSIONING}; {sources.measured('X42')}", applies=streamed)
def names_every_event(exchange: Exchange) -> Iterable[Finding]:
    """Every event has an `event:` line that names its type."""
    unnamed = [
        event
        for event in _events(exchange)
        if event.wire.data and not event.wire.names and not is_sentinel(event) and event.type != ERROR
    ]
    yield from grouped(
        Finding(place=at(event), found=f"data without an event: line: {shown(event.wire.data)}", wanted="event: <type>")
        for event in unnamed
    )


@rule("stream.frame.blank-line", MUST, source=f"{sources.SSE}; {sources.measured('X52, X75')}", applies=streamed)
def ends_every_event_with_a_blank_line(exchange: Exchange) -> Iterable[Finding]:
    """Each event ends with a blank line, the last one too."""
    wanted = "a blank line after each event"
    merged = [event for event in _events(exchange) if len(event.wire.names) > 1]
    yield from grouped(
        Finding(
            place=at(event), found=f"{len(event.wire.names)} event: lines without a blank line between", wanted=wanted
        )
        for event in merged
    )
    last = _events(exchange)[-1:] if not merged and response_of(exchange).ending == COMPLETE else ()
    for event in last:
        # What breaks off within its data is a stream that ends too early, unless its name says that all is over.
        broken_off = event.data is UNPARSED and not walk_of(exchange).complete
        if not event.wire.dispatched and event.wire.names and not broken_off:
            yield Finding(place=at(event), found="the last event is not followed by a blank line", wanted=wanted)


@rule("stream.frame.data-json", MUST, source=f"{sources.STREAMING}; {sources.measured('X70')}", applies=streamed)
def carries_one_json_object_in_each_event(exchange: Exchange) -> Iterable[Finding]:
    """Every data payload is one JSON object."""
    yield from grouped(
        Finding(place=at(event), found=shown(event.wire.data or "no data"), wanted="one JSON object")
        for event in logical_events(response_of(exchange))
        # Of no name and nothing in it: a heartbeat that no client minds.
        if not isinstance(event.data, dict)
        and (event.wire.data or (event.wire.data == "" and event.name is not None) or _needs_data(event))
        and not is_sentinel(event)
        and event.wire.dispatched
        and len(event.wire.names) < 2
    )


def _needs_data(event: StreamEvent) -> bool:
    """Whether a client that gets no data under this name, and so no event at all, misses something."""
    return event.name in contract.event_types() and event.name != PING


@rule(
    "stream.frame.type-matches-event",
    MUST,
    source=f"{sources.STREAMING}; {sources.measured('X43, X44')}",
    applies=streamed,
)
def repeats_the_event_name_in_the_data(exchange: Exchange) -> Iterable[Finding]:
    """The data's `type` equals the event's name."""
    yield from grouped(
        Finding(
            place=at(event, "/type"),
            found=f"type {shown(event.data.get('type', 'absent'))} under event: {event.name}",
            wanted=f'type "{event.name}"',
        )
        for event in logical_events(response_of(exchange))
        if event.name is not None
        and isinstance(event.data, dict)
        and event.data.get("type") != event.name
        and not _error_under_another_name(event)
    )


def _error_under_another_name(event: StreamEvent) -> bool:
    return event.data.get("type") == ERROR and event.name != ERROR


@rule("stream.frame.no-done", MUST, source=f"{sources.VERSIONING}; {sources.measured('X45, X46')}", applies=streamed)
def has_no_done_sentinel(exchange: Exchange) -> Iterable[Finding]:
    """No `data: [DONE]` ends the stream: message_stop does."""
    yield from grouped(
        Finding(
            place=at(event),
            found=f"data: [DONE]{f' under event: {event.name}' if event.name else ''}",
            wanted="nothing",
        )
        for event in _events(exchange)
        if is_sentinel(event)
    )


@rule("stream.frame.no-bom", MUST, source=sources.measured("X50"), applies=streamed)
def has_no_byte_order_mark(exchange: Exchange) -> Iterable[Finding]:
    """No byte-order mark stands at the start."""
    if response_of(exchange).framing.bom:
        yield Finding(place=Place(offset_bytes=0), found="EF BB BF", wanted='the first field, "event:"')


@rule("stream.frame.line-endings", SHOULD, source=sources.sdk("_streaming.py _iter_chunks"), applies=streamed)
def keeps_one_line_ending(exchange: Exchange) -> Iterable[Finding]:
    """One kind of line ending is used throughout; mixed ones defeat incremental delivery in the Python SDK."""
    framing = response_of(exchange).framing
    if framing.mixed_at_bytes is not None:
        found = " and ".join(sorted(framing.line_endings))
        yield Finding(place=Place(offset_bytes=framing.mixed_at_bytes), found=found, wanted="one of LF, CRLF, CR")


@rule(
    "stream.frame.incremental",
    SHOULD,
    source=sources.STREAMING,
    over=RUN,
    provoked="Answers of some length are streamed, and the arrival of their deltas is timed.",
)
def arrives_as_it_is_made(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Events arrive as they are made, not in one burst at the end."""
    timed = [(exchange, deltas) for exchange in exchanges if streamed(exchange) and (deltas := _timed_deltas(exchange))]
    if len(timed) < MIN_TIMED_STREAMS:
        wanted = f"{MIN_TIMED_STREAMS} streamed answers of {MIN_TIMED_S:g} s and {MIN_TIMED_DELTAS} deltas"
        yield Unverified(reason=f"fewer than {wanted} came, so their timing tells nothing")
        return
    # One stream may come late as a whole on a busy machine; that all of them do is the server's doing.
    if not all(_came_at_once(exchange, deltas) for exchange, deltas in timed):
        return
    usual_s = _usual_wait_s(exchanges)
    if usual_s is None:
        yield Unverified(reason="no short answer came without streaming, so that a queue would look the same")
        return
    if any(usual_s > EXPLAINED_SHARE * deltas[0].at_s for _, deltas in timed):
        yield Unverified(reason=f"every answer keeps waiting, a short one that is not streamed {usual_s:.2f} s")
        return
    exchange, deltas = timed[0]
    ended_at_s = response_of(exchange).ended_at_s
    yield Finding(
        exchange=exchange.number,
        place=at(deltas[0]),
        found=f"all {len(deltas)} deltas came together, {deltas[0].at_s:.2f} s into {ended_at_s:.2f} s "
        f"(in {len(timed)} of {len(timed)} streams)",
        wanted="deltas spread over the time of the answer",
    )


def _usual_wait_s(exchanges: Sequence[Exchange]) -> float | None:
    """How long short answers take that are not streamed: queue and prompt cost as much before a stream begins."""
    waits = sorted(
        response_of(exchange).ended_at_s
        for exchange in exchanges
        if json_message(exchange)
        and count(usage_of(exchange), "output_tokens") <= BRIEF_TOKENS
        and exchange.observer_lag_s <= MAX_OBSERVER_LAG_S
    )
    return waits[int(len(waits) * USUAL_QUANTILE)] if waits else None


def _timed_deltas(exchange: Exchange) -> list[StreamEvent]:
    """The deltas of a stream that is long enough for its timing to tell something; empty otherwise."""
    deltas = [event for event in walk_of(exchange).events if event.type == BLOCK_DELTA]
    long_enough = len(deltas) >= MIN_TIMED_DELTAS and response_of(exchange).ended_at_s >= MIN_TIMED_S
    return deltas if long_enough and exchange.observer_lag_s <= MAX_OBSERVER_LAG_S else []


def _came_at_once(exchange: Exchange, deltas: list[StreamEvent]) -> bool:
    late = deltas[0].at_s > BUFFERED_SHARE * response_of(exchange).ended_at_s
    return late and deltas[-1].at_s - deltas[0].at_s < BURST_S


@rule("stream.frame.terminates", MUST, source=sources.STREAMING, applies=streamed)
def ends_the_body(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The body ends after message_stop, and every stream ends."""
    response, walked = response_of(exchange), walk_of(exchange)
    last = walked.events[-1] if walked.events else None
    place = at(last) if last is not None else Place(pointer="the end of the stream")
    wanted = "the end of the body after message_stop"
    if walked.state in (State.DONE, State.FAILED) and response.ending != COMPLETE:
        yield Finding(place=place, found=response.detail or response.ending, wanted=wanted)
    elif response.ending == STALLED:
        yield Finding(place=place, found=f"the stream stands still: {response.detail}", wanted=wanted)
    elif response.ending == TOO_LARGE or (response.ending == TIMEOUT and _endless(exchange)):
        yield Finding(place=place, found=f"a stream without an end: {response.detail}", wanted=wanted)
    elif response.ending == TIMEOUT:
        yield Unverified(reason=f"a stream was not over when time ran out ({response.detail}): see --timeout")


def _endless(exchange: Exchange) -> bool:
    limit = exchange.request.fields.get("max_tokens")
    deltas = sum(1 for event in walk_of(exchange).events if event.type == BLOCK_DELTA)
    return isinstance(limit, int) and deltas > ENDLESS_FACTOR * limit + ENDLESS_SLACK


@rule(
    "stream.frame.utf8-boundaries",
    MUST,
    source=f"{sources.sdk('_streaming.py decodes strictly')}; {sources.RFC_JSON}",
    applies=streamed,
    provoked="An answer rich in characters of two to four bytes is streamed.",
)
def keeps_characters_whole(exchange: Exchange) -> Iterable[Finding]:
    """Characters of several bytes are never broken between deltas: no bad UTF-8, no U+FFFD, no lone surrogates."""
    response = response_of(exchange)
    for offset in response.framing.invalid_utf8_at_bytes[:1]:
        yield Finding(place=Place(offset_bytes=offset), found="bytes that are not UTF-8", wanted="UTF-8")
        return
    asked = exchange.request.body.decode("utf-8", "replace")
    for event in walk_of(exchange).events:
        text = _delta_text(event)
        if "�" in text and "�" not in asked:
            yield Finding(place=at(event, "/delta"), found=f"U+FFFD in {shown(text)}", wanted="the character itself")
            return
        if _SURROGATE.search(text):
            yield Finding(place=at(event, "/delta"), found=f"half a surrogate pair in {text!a}", wanted="both halves")
            return


def _delta_text(event: StreamEvent) -> str:
    delta = event.fields.get("delta")
    if event.type != BLOCK_DELTA or not isinstance(delta, dict):
        return ""
    return "".join(value for key, value in delta.items() if key in ("text", "thinking") and isinstance(value, str))


# -- the order ------------------------------------------------------------------------------------------------------


@rule(
    "stream.order.message-start-first", MUST, source=f"{sources.STREAMING}; {sources.measured('X01')}", applies=streamed
)
def starts_with_message_start(exchange: Exchange) -> Iterable[Finding]:
    """The first event that is no ping is message_start."""
    return _grammar(exchange, "stream.order.message-start-first")


@rule(
    "stream.order.message-start-once", MUST, source=f"{sources.STREAMING}; {sources.measured('X57')}", applies=streamed
)
def starts_once(exchange: Exchange) -> Iterable[Finding]:
    """message_start occurs exactly once."""
    return _grammar(exchange, "stream.order.message-start-once")


@rule("stream.order.block-start-before-delta", MUST, source=sources.measured("X05"), applies=streamed)
def starts_a_block_before_its_deltas(exchange: Exchange) -> Iterable[Finding]:
    """A content_block_delta refers to a block that was started."""
    return _grammar(exchange, "stream.order.block-start-before-delta")


@rule("stream.order.block-start-before-stop", MUST, source=sources.measured("X76"), applies=streamed)
def starts_a_block_before_its_stop(exchange: Exchange) -> Iterable[Finding]:
    """content_block_stop refers to a block that was started."""
    return _grammar(exchange, "stream.order.block-start-before-stop")


@rule(
    "stream.order.block-closed-once", MUST, source=f"{sources.STREAMING}; {sources.measured('X13')}", applies=streamed
)
def closes_each_block_once(exchange: Exchange) -> Iterable[Finding]:
    """Each started block is stopped exactly once before message_delta carries the stop_reason."""
    return _grammar(exchange, "stream.order.block-closed-once")


@rule(
    "stream.order.no-delta-after-stop", MUST, source=f"{sources.STREAMING}; {sources.measured('X14')}", applies=streamed
)
def sends_no_delta_to_a_stopped_block(exchange: Exchange) -> Iterable[Finding]:
    """No delta comes for a block after its stop."""
    return _grammar(exchange, "stream.order.no-delta-after-stop")


@rule(
    "stream.order.blocks-sequential", MUST, source=f"{sources.STREAMING}; {sources.measured('X10')}", applies=streamed
)
def sends_blocks_one_after_another(exchange: Exchange) -> Iterable[Finding]:
    """Blocks do not overlap: the next one starts after the last one's stop."""
    return _grammar(exchange, "stream.order.blocks-sequential")


@rule(
    "stream.order.message-delta-present",
    MUST,
    source=f"{sources.STREAMING}; {sources.measured('X03')}",
    applies=streamed,
)
def sends_message_delta_before_the_end(exchange: Exchange) -> Iterable[Finding]:
    """At least one message_delta comes before message_stop."""
    return _grammar(exchange, "stream.order.message-delta-present")


@rule(
    "stream.order.message-stop-last", MUST, source=f"{sources.STREAMING}; {sources.measured('X58')}", applies=streamed
)
def ends_with_message_stop(exchange: Exchange) -> Iterable[Finding]:
    """message_stop is the last event, a ping aside."""
    return _grammar(exchange, "stream.order.message-stop-last")


@rule(
    "stream.order.message-stop-once", MUST, source=f"{sources.STREAMING}; {sources.measured('X02')}", applies=streamed
)
def stops_once(exchange: Exchange) -> Iterable[Finding]:
    """message_stop occurs exactly once in a stream that carries its stop_reason."""
    return _grammar(exchange, "stream.order.message-stop-once")


# -- message_start --------------------------------------------------------------------------------------------------


@rule(
    "stream.start.message-object", MUST, source=f"{sources.STREAMING}; {sources.measured('X20, X80')}", applies=streamed
)
def starts_with_a_message(exchange: Exchange) -> Iterable[Finding]:
    """message_start carries a message with id, type, role, model, content and usage."""
    return shape(exchange, "stream.start.message-object")


@rule("stream.start.content-empty", MUST, source=f"{sources.STREAMING}; {sources.measured('X22')}", applies=streamed)
def starts_with_empty_content(exchange: Exchange) -> Iterable[Finding]:
    """The message of message_start has an empty content array."""
    return shape(exchange, "stream.start.content-empty")


@rule(
    "stream.start.stop_reason-null",
    MUST,
    source=f"{sources.STOP_REASONS}; {sources.sdk('types/message.py')}",
    applies=streamed,
)
def starts_without_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """The message of message_start has a null stop_reason, or none."""
    return shape(exchange, "stream.start.stop_reason-null")


@rule("stream.start.usage-object", MUST, source=sources.measured("X15, X16"), applies=streamed)
def starts_with_usage(exchange: Exchange) -> Iterable[Finding]:
    """message_start carries a usage object with integer input_tokens and output_tokens."""
    yield from shape(exchange, "stream.start.usage-object")
    yield from _not_integers(walk_of(exchange).message_start, ("message", "usage"), ("input_tokens", "output_tokens"))


def _not_integers(event: StreamEvent | None, path: tuple[str, ...], names: tuple[str, ...]) -> Iterator[Finding]:
    """1.0 is an integer to JSON Schema, and none to a client that prints or adds token counts."""
    value: Any = event.fields if event is not None else {}
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if event is None or not isinstance(value, dict):
        return
    for name in names:
        if isinstance(value.get(name), float) and value[name].is_integer():
            pointer = "/" + "/".join((*path, name))
            yield Finding(place=at(event, pointer), found=shown(value[name]), wanted="an integer")


@rule(
    "stream.start.input-tokens-real",
    SHOULD,
    source="sgl-project/sglang#20678, BerriAI/litellm#41406 (GitHub), read 2026-11-22",
    applies=streamed,
)
def starts_with_the_prompt_size(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """message_start's usage holds the real size of the prompt, not 0."""
    walked = walk_of(exchange)
    usage = _start_usage(exchange)
    if usage is None or walked.message_start is None:
        yield NO_MESSAGE
        return
    if any(True for _ in shape(exchange, "stream.start.usage-object")):
        return  # a count that is missing or none at all is judged as that
    if total_input(usage) == 0 and all(name not in usage or usage[name] in (0, None) for name in INPUT_COUNTS):
        yield Finding(
            place=at(walked.message_start, "/message/usage/input_tokens"),
            found="0 in all",
            wanted="the prompt's tokens",
        )


def _start_usage(exchange: Exchange) -> dict[str, Any] | None:
    start = walk_of(exchange).message_start
    message = start.fields.get("message") if start is not None else None
    usage = message.get("usage") if isinstance(message, dict) else None
    return usage if isinstance(usage, dict) else None


@rule("stream.start.id-stable", MUST, source=sources.SEED, applies=streamed)
def starts_with_an_id(exchange: Exchange) -> Iterable[Finding]:
    """The id in message_start is a non-empty string, like that of a message that is not streamed."""
    return shape(exchange, "stream.start.id-stable")


# -- blocks ---------------------------------------------------------------------------------------------------------


@rule("stream.block.index-integer", MUST, source=sources.measured("X69, X09"), applies=streamed)
def numbers_blocks_with_integers(exchange: Exchange) -> Iterable[Finding]:
    """Every block event has an index that is an integer of 0 or more."""
    return shape(exchange, "stream.block.index-integer")


@rule(
    "stream.block.index-sequential",
    MUST,
    source=f"{sources.STREAMING}; {sources.measured('X06, X07, X08')}",
    applies=streamed,
)
def numbers_blocks_in_order(exchange: Exchange) -> Iterable[Finding]:
    """Blocks have the indexes 0, 1, 2, ... in the order in which they start, without gap or reuse."""
    return _grammar(exchange, "stream.block.index-sequential")


@rule("stream.block.start-text-empty", MUST, source=sources.measured("X23, X24"), applies=streamed)
def starts_text_blocks_empty(exchange: Exchange) -> Iterable[Finding]:
    """A text block starts with the text \"\"; its deltas bring all of it."""
    return shape(exchange, "stream.block.start-text-empty")


@rule(
    "stream.block.start-tool-input-empty",
    SHOULD,
    families={ANTHROPIC},
    source=sources.measured("X25 to X27"),
    applies=streamed,
)
def starts_tool_blocks_empty(exchange: Exchange) -> Iterable[Finding]:
    """A tool_use block starts with the input {} and its full id and name; its deltas bring the input."""
    return shape(exchange, "stream.block.start-tool-input-empty")


@rule(
    "stream.block.start-thinking-fields", MUST, families={ANTHROPIC}, source=sources.measured("X66"), applies=streamed
)
def starts_thinking_blocks_empty(exchange: Exchange) -> Iterable[Finding]:
    """A thinking block starts with a thinking string and a signature string."""
    return shape(exchange, "stream.block.start-thinking-fields")


# -- deltas ---------------------------------------------------------------------------------------------------------


@rule("stream.delta.type-matches-block", MUST, source=sources.measured("X11, X12"), applies=streamed)
def builds_each_block_with_its_own_deltas(exchange: Exchange) -> Iterable[Finding]:
    """Each delta has a type, and comes only in the kinds of block that it builds."""
    yield from shape(exchange, "stream.delta.type-matches-block")
    yield from _grammar(exchange, "stream.delta.type-matches-block")


@rule("stream.delta.text-string", MUST, source=sources.measured("X67"), applies=streamed)
def sends_text_as_strings(exchange: Exchange) -> Iterable[Finding]:
    """The text of a text_delta is a string."""
    return shape(exchange, "stream.delta.text-string")


@rule(
    "stream.delta.text-incremental", MUST, source=f"{sources.VERSIONING}; {sources.measured('X34')}", applies=streamed
)
def sends_text_in_increments(exchange: Exchange) -> Iterable[Finding]:
    """Text deltas are increments, not ever longer snapshots of the whole text."""
    for block in walk_of(exchange).blocks:
        pieces = [(event, text) for event in block.deltas if (text := _delta_text(event))]
        if are_snapshots([text for _, text in pieces]):
            yield Finding(
                place=at(pieces[1][0], "/delta/text"),
                found=f"{shown(pieces[1][1])} after {shown(pieces[0][1])}",
                wanted="only the text that is new",
            )
        elif (again := _repeats_everything([text for _, text in pieces])) is not None:
            event, found = pieces[again][0], shown(pieces[again][1])
            yield Finding(
                place=at(event, "/delta/text"), found=f"all that came before it: {found}", wanted="only what is new"
            )


def _repeats_everything(pieces: list[str]) -> int | None:
    """The place of a delta that says once more what all deltas before it said; None where there is none."""
    so_far = ""
    for number, piece in enumerate(pieces):
        if number >= MIN_REPEATED_DELTAS and len(piece) >= MIN_REPEATED_CHARS and piece == so_far:
            return None if (piece + piece).find(piece, 1) < len(piece) else number  # a model that babbles
        so_far += piece
    return None


def are_snapshots(pieces: list[str]) -> bool:
    if len(pieces) < 2 or (len(pieces) == 2 and len(pieces[0]) < MIN_SNAPSHOT_CHARS):
        return False
    growing = all(len(later) > len(earlier) and later.startswith(earlier) for earlier, later in pairwise(pieces))
    return growing and not all(_is_repetition(earlier, later) for earlier, later in pairwise(pieces))


def _is_repetition(earlier: str, later: str) -> bool:
    """Whether what is new in the later text is the earlier one once more: a model that babbles, cut in large pieces."""
    new = later[len(earlier) :]
    return new.startswith(earlier) or earlier.startswith(new)


@rule(
    "stream.delta.partial-json-string",
    MUST,
    families={ANTHROPIC},
    source=sources.sdk("types/input_json_delta.py"),
    applies=streamed,
)
def sends_partial_json_as_strings(exchange: Exchange) -> Iterable[Finding]:
    """The partial_json of an input_json_delta is a string, possibly empty."""
    return shape(exchange, "stream.delta.partial-json-string")


@rule(
    "stream.delta.partial-json-concat",
    MUST,
    families={ANTHROPIC},
    source=f"{sources.STREAMING}; {sources.measured('X28 to X33')}",
    applies=streamed,
)
def completes_the_json_of_a_tool_input(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The partial_json of a block adds up to nothing, which means {}, or to one JSON object."""
    walked = walk_of(exchange)
    if walked.deviations or any(event.data is UNPARSED for event in walked.events if known_event(event)):
        yield BROKEN_STREAM  # deltas that were lost or came too late are the fault that was said
        return
    for block in walked.blocks:
        if not block.json_text or not block.closed or _may_be_unfinished(exchange, block):
            continue
        if not isinstance(parse_json(block.json_text), dict):
            place = at(block.stop, f"/content/{block.index}/input") if block.stop is not None else Place()
            yield Finding(place=place, found=shown(block.json_text), wanted="one JSON object")


def _may_be_unfinished(exchange: Exchange, block: Block) -> bool:
    """Whether the input of this block may be no JSON object: the limit cut it, or its tool streams eagerly."""
    return _is_cut(exchange, block) or streams_eagerly(exchange, block)


def _is_cut(exchange: Exchange, block: Block) -> bool:
    """Whether a limit or a refusal ended the answer in this block, so that what closes it may be missing."""
    cut = stop_reason_of(exchange) in ("max_tokens", "model_context_window_exceeded", "refusal")
    return cut and block is walk_of(exchange).blocks[-1]


def _built(exchange: Exchange, block: Block) -> dict[str, Any]:
    """The block's content, with an empty input where an unfinished one is legal."""
    into = block.json_into
    if into is None or isinstance(block.content.get(into), dict) or not _may_be_unfinished(exchange, block):
        return block.content
    return {**block.content, into: {}}


def streams_eagerly(exchange: Exchange, block: Block) -> bool:
    """Tools with eager_input_streaming may stream input that is no valid JSON (fine-grained tool streaming)."""
    tools = exchange.request.fields.get("tools")
    return isinstance(tools, list) and any(
        isinstance(tool, dict) and tool.get("name") == block.content.get("name") and tool.get("eager_input_streaming")
        for tool in tools
    )


@rule(
    "stream.delta.signature-single",
    MUST,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; {sources.measured('X64')}",
    applies=streamed,
)
def signs_a_thinking_block_once(exchange: Exchange) -> Iterable[Finding]:
    """A thinking block has one signature_delta, right before its stop: clients keep the last one only."""
    yield from shape(exchange, "stream.delta.signature-single")
    if any(True for _ in shape(exchange, "stream.delta.type-matches-block")):
        return  # a delta without a type may be the one that is missed
    for block in walk_of(exchange).blocks:
        if block.type != "thinking" or block.implied or not block.closed or _is_cut(exchange, block):
            continue
        kinds = [
            event.fields["delta"].get("type") for event in block.deltas if isinstance(event.fields.get("delta"), dict)
        ]
        signatures = kinds.count("signature_delta")
        if signatures == 1 and "thinking_delta" not in kinds[kinds.index("signature_delta") :]:
            continue
        place = at(block.stop) if block.stop is not None else Place()
        found = f"{signatures} signature deltas" if signatures != 1 else "a thinking_delta after the signature"
        yield Finding(place=place, found=found, wanted="one signature_delta, the last delta of the block")


@rule("stream.delta.citations", SHOULD, families={ANTHROPIC}, source=sources.CITATIONS, applies=streamed)
def sends_one_citation_in_each_delta(exchange: Exchange) -> Iterable[Finding]:
    """A citations_delta carries one citation object."""
    return shape(exchange, "stream.delta.citations")


# -- message_delta --------------------------------------------------------------------------------------------------


@rule(
    "stream.msgdelta.delta-object",
    MUST,
    source=f"{sources.sdk('types/raw_message_delta_event.py')}; {sources.SEED}",
    applies=streamed,
)
def ends_with_a_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """message_delta has a delta object, and the last one's holds a stop_reason string."""
    yield from shape(exchange, "stream.msgdelta.delta-object")
    deltas = walk_of(exchange).message_deltas
    reasons = [
        event.fields["delta"].get("stop_reason") for event in deltas if isinstance(event.fields.get("delta"), dict)
    ]
    if reasons and not any(isinstance(reason, str) for reason in reasons) and reasons[-1] is None:
        yield Finding(
            place=at(deltas[-1], "/delta/stop_reason"), found="null" if deltas else "", wanted="a stop reason"
        )


@rule("stream.msgdelta.no-null-overwrite", MUST, source=sources.measured("X60"), applies=streamed)
def keeps_the_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """No later message_delta takes a stop_reason back to null: clients keep the last one."""
    held: str | None = None
    for event in walk_of(exchange).message_deltas:
        delta = event.fields.get("delta")
        if not isinstance(delta, dict):
            continue
        reason = delta.get("stop_reason")
        if held is not None and reason is None and "stop_reason" in delta:
            yield Finding(place=at(event, "/delta/stop_reason"), found=f"null after {shown(held)}", wanted=shown(held))
            return
        held = reason if isinstance(reason, str) else held


@rule(
    "stream.msgdelta.stop_sequence-key",
    SHOULD,
    families={ANTHROPIC},
    source="OpenAPI description of 2024-11, schema MessageDelta (required, nullable)",
    applies=streamed,
)
def says_which_stop_sequence(exchange: Exchange) -> Iterable[Finding]:
    """The message_delta that carries the stop_reason has a stop_sequence key, null or a string."""
    yield from shape(exchange, "stream.msgdelta.stop_sequence-key")
    yield from grouped(
        Finding(place=at(event, "/delta/stop_sequence"), found="absent", wanted="null or the sequence that matched")
        for event in walk_of(exchange).message_deltas
        if isinstance(event.fields.get("delta"), dict)
        and event.fields["delta"].get("stop_reason") is not None
        and "stop_sequence" not in event.fields["delta"]
    )


@rule("stream.msgdelta.usage-required", MUST, source=sources.measured("X17, X18, X19"), applies=streamed)
def ends_with_usage(exchange: Exchange) -> Iterable[Finding]:
    """message_delta has a usage object with an integer output_tokens."""
    yield from shape(exchange, "stream.msgdelta.usage-required")
    for event in walk_of(exchange).message_deltas:
        yield from _not_integers(event, ("usage",), ("output_tokens", "input_tokens"))


def _usages(exchange: Exchange) -> list[tuple[StreamEvent, str, dict[str, Any]]]:
    """Each usage object of the stream in order, with its event and its pointer."""
    walked, found = walk_of(exchange), []
    start = _start_usage(exchange)
    if walked.message_start is not None and start is not None:
        found.append((walked.message_start, "/message/usage", start))
    for event in walked.message_deltas:
        usage = event.fields.get("usage")
        if isinstance(usage, dict):
            found.append((event, "/usage", usage))
    return found


def usages_of(exchange: Exchange) -> list[dict[str, Any]]:
    """Each usage object of the stream, in order."""
    return [usage for _, _, usage in _usages(exchange)]


@rule(
    "stream.msgdelta.usage-cumulative",
    MUST,
    source=f"{sources.STREAMING} (usage of message_delta is cumulative); {sources.measured('X62')}",
    applies=streamed,
)
def counts_upwards(exchange: Exchange) -> Iterable[Finding]:
    """output_tokens never falls from one usage object to the next: the counts are cumulative."""
    held = 0
    for event, pointer, usage in _usages(exchange):
        tokens = count(usage, "output_tokens")
        if "output_tokens" in usage and isinstance(usage["output_tokens"], int) and 0 <= tokens < held:
            yield Finding(
                place=at(event, f"{pointer}/output_tokens"), found=f"{tokens} after {held}", wanted=f"{held} or more"
            )
            return
        held = max(held, tokens)


@rule(
    "stream.msgdelta.no-zero-overwrite",
    MUST,
    source=f"{sources.measured('X61')}; {sources.sdk('lib/streaming/_messages.py')}",
    applies=streamed,
)
def keeps_the_input_counts(exchange: Exchange) -> Iterable[Finding]:
    """Input and cache counts in message_delta are totals: left out, or as in message_start, never a placeholder."""
    held: dict[str, int] = {}
    for event, pointer, usage in _usages(exchange):
        for name in INPUT_COUNTS:
            value = usage.get(name)
            if (
                isinstance(value, int)
                and not isinstance(value, bool)
                and 0 <= value < held.get(name, 0) * PLACEHOLDER_SHARE
                and not _moved(usage, name, held)
            ):
                yield Finding(
                    place=at(event, f"{pointer}/{name}"),
                    found=f"{value} after {held[name]}",
                    wanted=f"{held[name]}, or absent",
                )
                return
            held[name] = max(held.get(name, 0), count(usage, name))


def _moved(usage: Mapping[str, Any], name: str, held: Mapping[str, int]) -> bool:
    """Whether the other input counts grew by what this one lost: how much was cached is known at the end only."""
    lost = held[name] - count(usage, name)
    gained = sum(max(0, count(usage, other) - held.get(other, 0)) for other in INPUT_COUNTS if other != name)
    return gained >= lost * PLACEHOLDER_SHARE


# -- the message that it adds up to ---------------------------------------------------------------------------------


@rule("stream.final.output-tokens-positive", SHOULD, source=sources.sdk("types/message.py, usage"), applies=streamed)
def counts_what_it_streamed(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The last output_tokens is above 0 when text was streamed."""
    usages = _usages(exchange)
    if not walk_of(exchange).text or not walk_of(exchange).complete or not usages:
        yield Unverified(reason="no stream with text came to its end")
        return
    event, pointer, usage = usages[-1]
    if "output_tokens" in usage and usage["output_tokens"] == 0:
        yield Finding(place=at(event, f"{pointer}/output_tokens"), found="0", wanted="the tokens of the streamed text")


@rule(
    "stream.final.equals-nonstream-shape",
    MUST,
    source=f"{sources.STREAMING} (the final message equals that of create)",
    applies=streamed,
)
def adds_up_to_a_message(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """What the events add up to is a message as it would have come without streaming."""
    walked = walk_of(exchange)
    misshapen = list(shape(exchange, "stream.final.equals-nonstream-shape"))
    if misshapen:
        yield from misshapen
        return
    if walked.deviations or not walked.complete or walked.message is None or _misshapen(exchange):
        yield BROKEN_STREAM
        return
    message = {**walked.message, "content": [_built(exchange, block) for block in walked.blocks]}
    if not contract.valid("response", message):
        for problem in contract.explain("response", message)[:1]:
            yield Finding(
                place=Place(pointer=f"the accumulated message, {problem.pointer}"),
                found=problem.found,
                wanted=problem.wanted,
            )


def _misshapen(exchange: Exchange) -> bool:
    """Whether something judged under another requirement already keeps the stream from adding up."""
    if has_misshapen_event(exchange):
        return True
    held = any(
        isinstance(finding, Finding)
        for judge in (ends_with_a_stop_reason, keeps_the_stop_reason, completes_the_json_of_a_tool_input)
        for finding in judge(exchange)
    )
    return held or any(
        event.data is UNPARSED for event in walk_of(exchange).events if known_event(event) and event.wire.data
    )


# -- errors in a stream ---------------------------------------------------------------------------------------------


def _failed(exchange: Exchange) -> bool:
    return streamed(exchange) and walk_of(exchange).error is not None


@rule(
    "stream.error.event-shape",
    MUST,
    families={ANTHROPIC},
    source=f"{sources.STREAMING} (error events); {sources.measured('X40')}",
    applies=_failed,
    on_sight=True,
)
def ends_a_failed_stream_with_an_error(exchange: Exchange) -> Iterable[Finding]:
    """A failure in mid-stream is an error event with an error object, and the end of the stream."""
    yield from shape(exchange, "stream.error.event-shape")
    yield from _grammar(exchange, "stream.error.event-shape")


@rule("stream.error.named", MUST, source=sources.measured("X41"), applies=_failed, on_sight=True)
def names_the_error_event(exchange: Exchange) -> Iterable[Finding]:
    """An error in mid-stream is named by `event: error`: clients drop an unnamed one and take what came for all."""
    error = walk_of(exchange).error
    if error is not None and error.name != ERROR:
        found = "no event: line" if error.name is None else f"event: {error.name}"
        yield Finding(place=at(error), found=found, wanted="event: error")


@rule("stream.error.no-silent-truncation", MUST, source=sources.measured("X04"), applies=streamed)
def never_ends_silently(exchange: Exchange) -> Iterable[Finding]:
    """A stream never ends without message_stop or an error event."""
    return _grammar(exchange, "stream.error.no-silent-truncation")
