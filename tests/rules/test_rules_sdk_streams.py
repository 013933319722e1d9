"""Eighty-two streams that were fed to official SDK builds, and exactly the requirements that each one violates."""

import json
from typing import Any

import pytest
from builders import TOOLS, found, streamed
from stream_frames import HELLO, Event, block, delta, ends, ev, fragment, over, ping, sse, start, stop, text

TOP, TEXT, STOP, END, OVER = start(), block(), stop(), ends(), over()
HI = text("Hello")
PLAIN = [TOP, TEXT, HI, STOP, END, OVER]
DONE = [ends("tool_use"), OVER]
CALL = block(0, "tool_use")
FAILURE = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def first(**changes: Any) -> list[Event]:
    """The plain stream with another message_start."""
    return [start(**changes), *PLAIN[1:]]


def last(*ends_: Event) -> list[Event]:
    """The plain stream with other message_deltas."""
    return [*PLAIN[:-2], *ends_, OVER]


def call(*fragments: str, begin: Event = CALL, reason: str = "tool_use") -> list[Event]:
    return [TOP, begin, *map(fragment, fragments), STOP, ends(reason), OVER]


def raw(events: list[Event], old: bytes = b"", new: bytes = b"") -> bytes:
    return sse(events).replace(old, new)


def untyped(event: Event) -> Event:
    return event[0], {name: value for name, value in event[1].items() if name != "type"}


def named(name: str, event: Event) -> Event:
    return name, event[1]


def one(index: int, content: str) -> list[Event]:
    return [block(index), text(content, index), stop(index)]


MUST_START = "stream.order.message-start-first"
SILENT = "stream.error.no-silent-truncation"
STOPPED_ONCE = "stream.order.message-stop-once"
UNENDED = "stream.order.message-delta-present"
ORPHAN = "stream.order.block-start-before-delta"
CLOSED = "stream.order.block-closed-once"
INDEX = "stream.block.index-sequential"
BAD_INDEX = "stream.block.index-integer"
OBJECT = "stream.start.message-object"
NO_CONTENT = "stream.start.content-empty"
FIRST_USAGE = "stream.start.usage-object"
LAST_USAGE = "stream.msgdelta.usage-required"
INPUT_EMPTY = "stream.block.start-tool-input-empty"
IN_DELTAS = "stream.block.tool-input-in-deltas"
JSON_INPUT = "stream.delta.partial-json-concat"
JSON_PREFIX = "stream.delta.partial-json-prefix-valid"
THINKING_START = "stream.block.start-thinking-fields"
SIGNED = "stream.delta.signature-single"
FITS = "stream.delta.type-matches-block"
SAME_TYPE = "stream.frame.type-matches-event"
NAMED = "stream.frame.event-line"
NO_DONE = "stream.frame.no-done"
BLANK = "stream.frame.blank-line"
POSITIVE = "stream.final.output-tokens-positive"

THINK = [delta(0, "thinking_delta", thinking="hm"), STOP]

CASES: list[tuple[str, list[Event] | bytes, set[str]]] = [
    # name, stream, the requirements that it violates
    ("ok", HELLO, set()),
    ("no message_start", [TEXT, text("Hel"), STOP, END, OVER], {MUST_START}),
    ("no message_stop", PLAIN[:-1], {STOPPED_ONCE}),
    ("no message_delta", [*PLAIN[:4], OVER], {UNENDED}),
    ("truncated in a block", HELLO[:3], {SILENT}),
    ("delta before start", [TOP, HI, TEXT, STOP, END, OVER], {ORPHAN}),
    ("first index is 1", [TOP, *one(1, "Hello"), END, OVER], {INDEX}),
    ("index 0 twice", [TOP, *one(0, "A"), CALL, fragment('{"a":1}'), STOP, *DONE], {INDEX}),
    ("index gap", [TOP, *one(0, "A"), *one(2, "B"), END, OVER], {INDEX}),
    ("negative index", [TOP, TEXT, text("A", -1), STOP, END, OVER], {BAD_INDEX}),
    (
        "interleaved blocks",
        [TOP, TEXT, block(1, "tool_use"), text("A"), fragment('{"a":1}', 1), text("B"), STOP, stop(1), *DONE],
        {"stream.order.blocks-sequential"},
    ),
    ("text on a tool", [TOP, CALL, text("oops"), STOP, *DONE], {FITS}),
    ("json on a text", [TOP, TEXT, fragment('{"a":1}'), STOP, END, OVER], {FITS}),
    ("no content_block_stop", [TOP, TEXT, HI, END, OVER], {CLOSED}),
    (
        "delta after stop",
        [TOP, TEXT, text("Hel"), STOP, text("lo"), END, OVER],
        {"stream.order.no-delta-after-stop"},
    ),
    ("no usage at first", first(usage=...), {FIRST_USAGE}),
    ("null usage at first", first(usage=None), {FIRST_USAGE}),
    ("no usage at last", last(ends("end_turn", ...)), {LAST_USAGE}),
    ("null output_tokens", last(ends("end_turn", {"output_tokens": None})), {LAST_USAGE}),
    ("empty usage", last(ends("end_turn", {})), {LAST_USAGE}),
    ("no content at first", first(content=...), {NO_CONTENT}),
    ("null content at first", first(content=None), {NO_CONTENT}),
    ("content at first", first(content=[{"type": "text", "text": "X"}]), {NO_CONTENT}),
    ("text starts without text", [TOP, block(text=...), HI, STOP, END, OVER], {"stream.block.start-text-empty"}),
    ("text starts with text", [TOP, block(text="Hel"), *HELLO[2:]], {"stream.block.start-text-empty"}),
    ("tool input a string", call('{"a":1}', begin=block(0, "tool_use", id="t", input="")), {INPUT_EMPTY}),
    ("full tool input at start", call(begin=block(0, "tool_use", id="t", input={"a": 1})), {INPUT_EMPTY, IN_DELTAS}),
    (
        "input at start and in deltas",
        call('{"b":2}', begin=block(0, "tool_use", id="t", input={"a": 1})),
        {INPUT_EMPTY},
    ),
    ("tool without deltas", call(), set()),
    ("tool with an empty delta", call(""), set()),
    ("invalid tool input", call('{"a": nope}'), {JSON_INPUT, JSON_PREFIX}),
    # An input that max_tokens cuts may be unfinished.
    ("tool input cut at the limit", call('{"a": "b', reason="max_tokens"), set()),
    ("tool input an array", call("[1,2]"), {JSON_INPUT}),
    ("tool input in snapshots", call('{"a"', '{"a":1}'), {JSON_INPUT, JSON_PREFIX}),
    (
        "text in snapshots",
        [TOP, TEXT, text("Hel"), text("Hello"), STOP, END, OVER],
        {"stream.delta.text-incremental"},
    ),
    ("unknown event", [TOP, ev("shiny_new", x=1), *PLAIN[1:]], set()),
    ("unknown event at first", [ev("shiny_new"), *HELLO], set()),
    ("unknown delta", [TOP, TEXT, delta(0, "foo_delta", foo="x"), HI, STOP, END, OVER], set()),
    ("unknown block", [TOP, block(0, "hologram", z=1), STOP, *one(1, "Hello"), END, OVER], set()),
    ("unknown stop reason", last(ends("cosmic_ray")), {"response.stop_reason.enum"}),
    ("error event", [*HELLO[:3], ("error", FAILURE)], set()),
    (
        "unnamed error",
        sse(HELLO[:3]) + f"data: {json.dumps(FAILURE, separators=(',', ':'))}\n\n".encode(),
        {"stream.error.named"},
    ),
    ("no event lines", b"\n".join(line for line in sse(HELLO).split(b"\n") if not line.startswith(b"event:")), {NAMED}),
    (
        "events under another name",
        [TOP, TEXT, named("message", text("Hel")), named("message", text("lo")), STOP, END, OVER],
        {SAME_TYPE},
    ),
    ("data without type", [untyped(TOP), TEXT, untyped(text("Hel")), untyped(text("lo")), *HELLO[4:]], {SAME_TYPE}),
    ("done", sse(HELLO) + b"data: [DONE]\n\n", {NO_DONE}),
    ("done by name", sse(HELLO) + b"event: done\ndata: [DONE]\n\n", {NO_DONE}),
    ("CRLF", raw(HELLO, b"\n", b"\r\n"), set()),
    ("CR", raw(HELLO, b"\n", b"\r"), set()),
    ("comments", b": keepalive\n\n" + sse(HELLO[:4]) + b": x\n" + sse(HELLO[4:]), set()),
    ("byte-order mark", b"\xef\xbb\xbf" + sse(HELLO), {"stream.frame.no-bom"}),
    ("no space after the colon", raw(HELLO, b"event: ", b"event:").replace(b"data: ", b"data:"), set()),
    ("no blank lines", raw(HELLO, b"\n\n", b"\n"), {BLANK}),
    ("data on two lines", raw(HELLO, b'start", "index"', b'start",\ndata: "index"'), set()),
    (
        "pings everywhere",
        [ping(), TOP, ping(), TEXT, ping(), HI, ping(), STOP, ping(), END, ping(), OVER, ping()],
        set(),
    ),
    ("unnamed ping", sse([TOP]) + b'data: {"type":"ping"}\n\n' + sse(PLAIN[1:]), {NAMED}),
    ("ping without data", sse([TOP]) + b"event: ping\n\n" + sse(PLAIN[1:]), set()),
    (
        "two message_starts",
        [TOP, *one(0, "A"), start(id="msg_2"), *one(0, "B"), END, OVER],
        {"stream.order.message-start-once"},
    ),
    ("event after the end", [*HELLO, text("extra")], {"stream.order.message-stop-last"}),
    ("two message_deltas", last(ends(None, 3), END), set()),
    ("stop reason set back to null", last(END, ends(None, 6)), {"stream.msgdelta.no-null-overwrite"}),
    (
        "input count set to 0",
        last(ends("end_turn", {"input_tokens": 0, "output_tokens": 5})),
        {"stream.msgdelta.no-zero-overwrite"},
    ),
    ("decreasing counts", last(ends("end_turn", 3), ends("end_turn", 2)), {"stream.msgdelta.usage-cumulative"}),
    (
        "input counted at the end only",
        [
            start(usage={"input_tokens": 0, "output_tokens": 0}),
            *last(ends("end_turn", {"input_tokens": 10, "output_tokens": 5}))[1:],
        ],
        {"stream.start.input-tokens-real"},
    ),
    (
        "two signatures",
        [
            TOP,
            block(0, "thinking"),
            THINK[0],
            delta(0, "signature_delta", signature="ab"),
            delta(0, "signature_delta", signature="cd"),
            STOP,
            *one(1, "Hello"),
            END,
            OVER,
        ],
        {SIGNED},
    ),
    (
        "no signature at all",
        [TOP, block(0, "thinking", signature=...), *THINK, *one(1, "Hello"), END, OVER],
        {THINKING_START, SIGNED},
    ),
    (
        "bare thinking block",
        [TOP, block(0, "thinking", thinking=..., signature=...), *THINK, END, OVER],
        {THINKING_START, SIGNED},
    ),
    ("null text", [TOP, TEXT, text(None), HI, STOP, END, OVER], {"stream.delta.text-string"}),
    ("index a string", [TOP, block("0"), text("Hel", "0"), text("lo", "0"), stop("0"), END, OVER], {BAD_INDEX}),
    ("index missing", [TOP, block(...), text("Hel", ...), text("lo", ...), STOP, END, OVER], {BAD_INDEX}),
    (
        "bad JSON",
        sse([TOP]) + b"event: content_block_start\ndata: {oops\n\n" + sse([OVER]),
        {"stream.frame.data-json", CLOSED, UNENDED},
    ),
    ("escaped U+2028", raw([TOP, TEXT, text("@"), STOP, END, OVER], b"@", rb"a\u2028b\u0085c\u000bd"), set()),
    ("U+2028 itself", [TOP, TEXT, text("a\u2028b\x85c"), STOP, END, OVER], set()),
    ("error as JSON", b'{"type":"error"}', {"errors.not-200"}),
    (
        "stop reason at first only",
        [start(stop_reason="end_turn"), *PLAIN[1:4], OVER],
        {"stream.start.stop_reason-null", UNENDED},
    ),
    ("no last blank line", sse(HELLO)[:-1], {BLANK}),
    ("stop of an unknown block", [TOP, TEXT, HI, stop(5), END, OVER], {"stream.order.block-start-before-stop"}),
    ("no stop_sequence at last", last(ends(stop_sequence=...)), {"stream.msgdelta.stop_sequence-key"}),
    ("no blocks", [TOP, END, OVER], set()),
    ("null citations", [TOP, block(citations=None), HI, STOP, END, OVER], set()),
    ("no role, type, model", first(role=..., type=..., model=...), {OBJECT}),
    ("nothing", b"", {SILENT}),
]


def body(number: int) -> bytes:
    stream = CASES[number][1]
    return stream if isinstance(stream, bytes) else sse(stream)


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"X{number:02}-{case[0]}" for number, case in enumerate(CASES)]
)
def test_a_measured_stream_violates_exactly_these_requirements(number: int) -> None:
    data = body(number)
    ask: dict[str, Any] = {"tools": TOOLS} if b'"tool_use"' in data else {}
    if b'"max_tokens"' in data:
        ask["max_tokens"] = 5  # what the stream reports as used
    assert found(streamed(data, ask=ask)) == CASES[number][2]
