"""One fault is one deviation: every single mutation of a correct stream is reported exactly once."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_frames import (
    FULL,
    HELLO,
    Event,
    block,
    delta,
    ends,
    ev,
    fragment,
    over,
    ping,
    start,
    stop,
    text,
    violated,
    walked,
)

from messages_conformance.stream import Deviation, State

FIRST = "stream.order.message-start-first"
ONCE = "stream.order.message-start-once"
NO_START = "stream.order.block-start-before-delta"
ORPHAN_STOP = "stream.order.block-start-before-stop"
CLOSED = "stream.order.block-closed-once"
AFTER_STOP = "stream.order.no-delta-after-stop"
OVERLAP = "stream.order.blocks-sequential"
INDEX = "stream.block.index-sequential"
NO_DELTA = "stream.order.message-delta-present"
LAST = "stream.order.message-stop-last"
STOPS = "stream.order.message-stop-once"
FITS = "stream.delta.type-matches-block"

START, BLOCK, DELTA, STOP = "message_start", "content_block_start", "content_block_delta", "content_block_stop"
TOTAL, END, PING = "message_delta", "message_stop", "ping"

Row = tuple[list[Event], list[tuple[str, int | None]]]
"""A stream and its deviations: requirement and number of the event, None for the end of the stream."""

DROPPED = {START: FIRST, BLOCK: NO_START, STOP: CLOSED, TOTAL: NO_DELTA, END: STOPS}
DOUBLED = {START: ONCE, BLOCK: INDEX, STOP: CLOSED, END: STOPS}
SWAPPED = {
    (START, BLOCK): [(FIRST, 0)],
    (BLOCK, DELTA): [(NO_START, 0)],
    (DELTA, STOP): [(AFTER_STOP, 1)],
    (STOP, BLOCK): [(OVERLAP, 0)],
    (STOP, TOTAL): [(CLOSED, 0)],
    (TOTAL, END): [(LAST, 1)],
}


def dropped(at: int) -> Row:
    name = FULL[at][0]
    number = None if name == END else at + 1
    return FULL[:at] + FULL[at + 1 :], [(DROPPED[name], number)] if name in DROPPED else []


def doubled(at: int) -> Row:
    name = FULL[at][0]
    return FULL[: at + 1] + FULL[at:], [(DOUBLED[name], at + 2)] if name in DOUBLED else []


def swapped(at: int) -> Row:
    first, second = FULL[at : at + 2]
    wanted = SWAPPED.get((first[0], second[0]), [])
    return [*FULL[:at], second, first, *FULL[at + 2 :]], [(requirement, at + 1 + more) for requirement, more in wanted]


def moved_to_the_end(at: int) -> Row:
    stream, wanted = dropped(at)
    moved = FULL[at]
    if moved[0] == END:
        return FULL, []
    # A late message_delta is not reported as missing too. Other events are: the events between need them.
    missing = [] if moved[0] == TOTAL else wanted
    return [*stream, moved], missing if moved[0] == PING else [*missing, (LAST, len(FULL))]


def rows() -> Iterator[Any]:
    for mutation in (dropped, doubled, swapped, moved_to_the_end):
        for at, (name, _) in enumerate(FULL[:-1] if mutation is swapped else FULL):
            stream, wanted = mutation(at)
            yield pytest.param(stream, wanted, id=f"{mutation.__name__}-{at}-{name}")


@pytest.mark.parametrize(("stream", "wanted"), list(rows()))
def test_one_fault_is_one_deviation(stream: list[Event], wanted: list[tuple[str, int | None]]) -> None:
    assert [place(deviation) for deviation in walked(stream).deviations] == wanted


def place(deviation: Deviation) -> tuple[str, int | None]:
    return deviation.requirement, deviation.event.number if deviation.event is not None else None


INDEXED = [at for at, (_, data) in enumerate(FULL) if "index" in data]


def misnamed(event: Event, wrong: int) -> str:
    """The requirement that an event violates when its index names another block than the open one."""
    name, data = event
    stopped = wrong < data["index"]
    return {BLOCK: INDEX, DELTA: AFTER_STOP if stopped else NO_START, STOP: CLOSED if stopped else ORPHAN_STOP}[name]


@pytest.mark.parametrize("at", INDEXED)
@pytest.mark.parametrize("wrong", [0, 1, 2, 3, 4, 7])
def test_one_wrong_index_is_one_deviation(at: int, wrong: int) -> None:
    name, data = FULL[at]
    stream = [*FULL[:at], (name, {**data, "index": wrong}), *FULL[at + 1 :]]
    wanted = [] if wrong == data["index"] else [(misnamed(FULL[at], wrong), at + 1)]
    assert [place(deviation) for deviation in walked(stream).deviations] == wanted


@pytest.mark.parametrize("at", INDEXED)
@pytest.mark.parametrize("odd", [-1, "0", None, 1.0, True, [], {}])
def test_an_invalid_index_is_left_to_the_schemas(at: int, odd: Any) -> None:
    name, data = FULL[at]
    stream = [*FULL[:at], (name, {**data, "index": odd}), *FULL[at + 1 :]]
    walk = walked(stream)
    assert walk.deviations == ()
    assert walk.message == walked(FULL).message


def renumbered(indexes: list[int]) -> list[Event]:
    """The full stream with its blocks under other indexes."""
    return [(name, {**data, "index": indexes[data["index"]]} if "index" in data else data) for name, data in FULL]


@pytest.mark.parametrize(
    ("stream", "wanted"),
    [
        pytest.param(renumbered([1, 2, 3, 4]), [INDEX], id="from-one"),
        pytest.param(renumbered([0, 0, 0, 0]), [INDEX], id="all-zero"),
        pytest.param(renumbered([0, 2, 4, 6]), [INDEX], id="gaps"),
        pytest.param(renumbered([3, 2, 1, 0]), [INDEX], id="backwards"),
        pytest.param([event for event in FULL if event[0] != BLOCK], [NO_START], id="no-starts"),
        pytest.param([event for event in FULL if event[0] != STOP], [CLOSED], id="no-stops"),
        pytest.param([event for event in FULL if event[0] != DELTA], [], id="no-deltas"),
        pytest.param([event for event in FULL if event[0] not in (START, END)], [FIRST, STOPS], id="no-frame"),
        pytest.param(renumbered([-1, 0, 1, 2]), [], id="from-minus-one"),  # left to the schemas
        pytest.param([start(), ends(), over()], [], id="no-blocks"),
        pytest.param([start(), over()], [NO_DELTA], id="no-message-delta"),
        pytest.param(
            [start(), block(0), block(1), text("a", 0), text("b", 1), text("c", 0), stop(0), stop(1), ends(), over()],
            [OVERLAP],
            id="interleaved",
        ),
        pytest.param(
            [start(), block(0), block(1), stop(1), block(2), stop(2), stop(0), ends(), over()], [OVERLAP], id="nested"
        ),
        pytest.param(
            [start(), block(0), text("a", 7), text("b", 7), stop(7), ends(), over()],
            [NO_START],
            id="all-deltas-misdirected",
        ),
        pytest.param(
            [start(), block(0), fragment("{}", 7), stop(0), ends(), over()], [NO_START], id="misdirected-json-in-text"
        ),
        pytest.param([start(), block(0), text("a"), stop(5), ends(), over()], [ORPHAN_STOP], id="misdirected-stop"),
        pytest.param([start(), block(0), stop(5), text("a"), stop(0), ends(), over()], [ORPHAN_STOP], id="stray-stop"),
        pytest.param([start(), text("a"), block(0), stop(0), ends(), over()], [NO_START], id="late-start"),
        pytest.param(
            [start(), stop(0), block(1), text("a", 1), stop(1), ends(), over()], [ORPHAN_STOP], id="lost-block"
        ),
        pytest.param([start(), block(), fragment("{}"), stop(), ends(), over()], [FITS], id="json-in-text"),
        pytest.param([*HELLO, text("a"), text("b"), over()], [LAST], id="much-after-the-end"),
        pytest.param([*HELLO, fragment("{}")], [LAST], id="json-for-text-after-the-end"),
        pytest.param(
            [*HELLO[:-2], text("a"), text("b"), fragment("{}"), *HELLO[-2:]], [AFTER_STOP], id="much-after-a-stop"
        ),
        pytest.param([*HELLO, over(), over()], [STOPS], id="many-ends"),
        pytest.param([*HELLO, *HELLO], [LAST], id="two-streams-in-one"),
    ],
)
def test_a_repeated_fault_violates_one_requirement(stream: list[Event], wanted: list[str]) -> None:
    assert violated(walked(stream)) == wanted


def test_only_the_first_delta_after_a_stop_is_reported() -> None:
    stream = [*HELLO[:-2], text("a"), text("b"), fragment("{}"), *HELLO[-2:]]
    assert [place(deviation) for deviation in walked(stream).deviations] == [(AFTER_STOP, 6)]


def test_text_after_the_end_is_a_part_of_the_message() -> None:
    content = walked(HELLO).message["content"]
    assert walked([*HELLO, text("!")]).message["content"] == [{**content[0], "text": content[0]["text"] + "!"}]
    assert walked([*HELLO, ping(), stop()]).message["content"] == content


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param([ping(), ping(), *HELLO[:3], ping(), *HELLO[3:], ping()], id="pings"),
        pytest.param([ev("shiny"), *HELLO[:2], ev("new_event", index=9), *HELLO[2:], ev("after")], id="unknown-events"),
        pytest.param(
            [start(), block(0, "hologram", z=1), delta(0, "wave", w=1), stop(), ends(), over()], id="unknown-block"
        ),
        pytest.param([*HELLO[:2], delta(0, "foo_delta", foo="x"), *HELLO[2:]], id="unknown-delta"),
        pytest.param([*HELLO[:-1], ends("end_turn", 6), over()], id="two-message-deltas"),
        pytest.param([*HELLO[:2], ends(None, 3), *HELLO[2:]], id="early-message-delta"),
        pytest.param([*HELLO[:-2], ends(None, 3), block(1), stop(1), *HELLO[-2:]], id="block-after-message-delta"),
        pytest.param([start(), block(0, "redacted_thinking", data="x"), stop(), *FULL[-2:]], id="no-deltas"),
        pytest.param([start(), ev("error", error={"type": "overloaded_error", "message": "m"})], id="error"),
        pytest.param([ev("error", error={"type": "overloaded_error", "message": "m"})], id="only-error"),
    ],
)
def test_legal_streams_have_no_deviation(stream: list[Event]) -> None:
    assert violated(walked(stream)) == []


def test_events_after_an_error_are_one_deviation() -> None:
    failed = [start(), ev("error", error={"type": "api_error", "message": "m"}), block(), stop(), over()]
    walk = walked(failed)
    assert [place(deviation) for deviation in walk.deviations] == [("stream.error.event-shape", 3)]
    assert walk.state is State.FAILED
    assert walk.error is walk.events[1]


@pytest.mark.parametrize("length", range(len(FULL)))
def test_a_truncated_stream_has_one_deviation_at_its_end(length: int) -> None:
    walk = walked(FULL[:length])
    wanted = STOPS if walk.state is State.TAIL else "stream.error.no-silent-truncation"
    assert [place(deviation) for deviation in walk.deviations] == [(wanted, None)]
    assert not walk.complete


@pytest.mark.parametrize(("ending", "reported"), [("reset", True), ("timeout", False), ("too-large", False)])
def test_an_end_that_we_caused_is_no_deviation(ending: str, reported: bool) -> None:
    assert bool(walked(FULL[:5], ending=ending, detail="x").deviations) is reported


EVENTS = st.sampled_from(
    [*FULL, *HELLO, text("x", 7), stop(-1), block("1"), block(2, "text", text=None), ends(None, ...), ev("error")]
)
ODD = st.sampled_from(
    [("content_block_start", []), ("content_block_delta", {"delta": 3}), ("message_delta", {"delta": []})]
)


@given(stream=st.lists(EVENTS | ODD, max_size=25))
@settings(max_examples=200)
def test_the_walk_accepts_any_stream(stream: list[Event]) -> None:
    walk = walked(stream)
    numbers = {event.number for event in walk.events}
    assert all(deviation.event is None or deviation.event.number in numbers for deviation in walk.deviations)
    assert all(deviation.found and deviation.wanted for deviation in walk.deviations)


def test_a_very_long_stream_is_walked_in_one_pass() -> None:
    blocks = [event for number in range(5_000) for event in (block(number), stop(number + 1))]
    assert violated(walked([start(), *blocks, ends(), over()])) != []
